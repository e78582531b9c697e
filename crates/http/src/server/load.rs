//! How many connections have requests under way, and how many may. A few connections beyond the limit have a door for probes: the
//! server knows only after the head of a request whether it is one.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that may be open beyond `limits_config.max_connections`: those that give way to new ones and have not ended yet,
/// and those that may ask probes only.
pub(super) const RESERVE: usize = 64;

/// The connections that have requests under way, of all that are open.
#[derive(Debug)]
pub(super) struct Load {
    busy: AtomicUsize,
    most: AtomicUsize,
}

impl Default for Load {
    fn default() -> Self {
        Self { busy: AtomicUsize::new(0), most: AtomicUsize::new(usize::MAX) }
    }
}

impl Load {
    /// Sets how many connections may have requests under way that are no probes.
    pub(super) fn allow(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// The first request of a connection begins, until [`Self::leave`]. Whether it is one more than may be.
    pub(super) fn enter(&self) -> bool {
        self.busy.fetch_add(1, Ordering::Relaxed) >= self.most.load(Ordering::Relaxed)
    }

    /// The last request of a connection has ended.
    pub(super) fn leave(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
