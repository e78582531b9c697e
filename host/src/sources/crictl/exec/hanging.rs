//! What crictl has the system do and does not end: a process that this program can't stop as it runs as root, a disk that does not
//! answer.

use crate::sources::crictl::error::{Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What did not end and could not be stopped. The program runs crictl no further while it is there: each would stay, too.
#[derive(Clone, Debug, Default)]
pub struct Hanging(Arc<Mutex<Option<Stuck>>>);

/// What does not end.
#[derive(Debug)]
pub(super) struct Stuck {
    /// What hangs, as the subject of a sentence.
    pub(super) what: String,
    pub(super) remedy: String,
    pub(super) begun: Instant,
}

impl Stuck {
    /// The error in place of a further process.
    fn error(&self) -> Error {
        let Self { what, remedy, begun } = self;
        let seconds = begun.elapsed().as_secs();
        let cause =
            format!("{what} hangs for {seconds} s and can't be stopped by this program, so no other one is begun");
        Error::new(ErrorKind::TimedOut, cause, remedy)
    }
}

impl Hanging {
    fn lock(&self) -> MutexGuard<'_, Option<Stuck>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error in place of a further process, while it is there.
    pub(super) fn error(&self) -> Option<Error> {
        self.lock().as_ref().map(Stuck::error)
    }

    /// Remembers it until `end`. Returns the error of whoever waited for it.
    pub(super) fn watch(&self, stuck: Stuck, end: impl Future<Output: Send> + Send + 'static) -> Error {
        let error = stuck.error();
        *self.lock() = Some(stuck);
        let hanging = Self::clone(self);
        tokio::spawn(async move {
            end.await;
            *hanging.lock() = None;
        });
        error
    }
}
