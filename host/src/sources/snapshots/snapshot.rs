//! Rows of a source as they were at one moment.

use bytes::Bytes;
use std::time::{Duration, SystemTime};

/// The digest under which rows are kept.
pub(super) type Key = [u8; 32];

/// Rows of a source, and when they were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(super) taken: SystemTime,
    pub(crate) bytes: Bytes,
}

impl Snapshot {
    /// How long ago it was taken.
    pub(crate) fn age(&self) -> Duration {
        self.taken.elapsed().unwrap_or_default()
    }
}
