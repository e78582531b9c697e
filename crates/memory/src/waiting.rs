//! The instances that wait for memory, by what they have.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The bytes that those who wait have and want, each with a number of its own.
#[derive(Debug)]
pub(crate) struct Waiting {
    places: Mutex<BTreeSet<(u64, u64)>>,
    numbers: AtomicU64,
}

impl Waiting {
    pub(crate) const fn new() -> Self {
        Self { places: Mutex::new(BTreeSet::new()), numbers: AtomicU64::new(0) }
    }

    fn places(&self) -> MutexGuard<'_, BTreeSet<(u64, u64)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits with so many bytes until the place is dropped.
    pub(crate) fn wait(&self, bytes: u64) -> Place<'_> {
        let place = (bytes, self.numbers.fetch_add(1, Ordering::Relaxed));
        self.places().insert(place);
        Place { waiting: self, place }
    }
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    waiting: &'a Waiting,
    place: (u64, u64),
}

impl Place<'_> {
    /// Whether nobody who waits has more.
    pub(crate) fn has_most(&self) -> bool {
        self.waiting.places().last() == Some(&self.place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.places().remove(&self.place);
    }
}
