//! A process of crictl that does not end: this program can't stop what runs as root.

use crate::sources::crictl::error::{Error, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::process::Child;

/// A process of crictl that did not end and could not be stopped. The program begins no further one while it is there.
#[derive(Clone, Debug, Default)]
pub struct Hanging(Arc<Mutex<Option<Stuck>>>);

#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) shown: String,
    pub(super) id: u32,
    pub(super) begun: Instant,
}

impl Hanging {
    /// The error in place of a further process, while it is there.
    pub(super) fn error(&self) -> Option<Error> {
        let stuck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.as_ref().map(|Stuck { shown, id, begun }| {
            Error::new(
                ErrorKind::TimedOut,
                format!(
                    "`{shown}` (process {id}) hangs for {} s and can't be stopped by this program, so no other one is begun",
                    begun.elapsed().as_secs()
                ),
                format!("is the container runtime hanging? As root, `kill {id}` ends it"),
            )
        })
    }

    /// Remembers the process until it ends.
    pub(super) fn watch(&self, mut child: Child, stuck: Stuck) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stuck);
        let hanging = Self::clone(self);
        tokio::spawn(async move {
            let _ = child.wait().await;
            *hanging.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        });
    }
}
