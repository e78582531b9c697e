//! What the store of the host counts: the bytes that it keeps, and how commits end.

use super::METRICS;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where the store keeps something.
#[derive(Clone, Copy, Debug)]
pub enum StorePlace {
    /// In memory, until the program ends.
    Memory,
    /// In a file of `cache_config.state_dir`.
    Disk,
}

impl StorePlace {
    pub(super) const ALL: [Self; 2] = [Self::Memory, Self::Disk];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }
}

/// How a commit ended.
#[derive(Clone, Copy, Debug)]
pub enum CommitOutcome {
    /// The store has it.
    Committed,
    /// Another commit was quicker.
    Conflict,
    /// There is no room for it.
    Full,
    /// It breaks a bound of the contract.
    TooLarge,
    /// The store could not be used.
    Failed,
}

impl CommitOutcome {
    pub(super) const ALL: [Self; 5] = [Self::Committed, Self::Conflict, Self::Full, Self::TooLarge, Self::Failed];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Conflict => "conflict",
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
        }
    }
}

/// A component's commit to the store ended.
pub fn store_committed(outcome: CommitOutcome) {
    if let Some(metrics) = METRICS.get() {
        metrics.store_commits.with_label_values(&[outcome.label()]).inc();
    }
}

/// The program set a file of the store aside.
pub fn store_file_set_aside() {
    if let Some(metrics) = METRICS.get() {
        metrics.store_files_set_aside.inc();
    }
}

/// The bytes that one store keeps. They count in the metric until this is dropped, beside those of other stores: after a reload
/// there may be two for a while.
#[derive(Debug)]
pub struct StoreBytes {
    place: StorePlace,
    bytes: AtomicI64,
}

impl StoreBytes {
    /// None so far.
    pub const fn new(place: StorePlace) -> Self {
        Self { place, bytes: AtomicI64::new(0) }
    }

    /// The store keeps so many now.
    pub fn set(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        if let Some(metrics) = METRICS.get() {
            metrics.store_bytes.with_label_values(&[self.place.label()]).add(bytes.saturating_sub(before));
        }
    }
}

impl Drop for StoreBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}
