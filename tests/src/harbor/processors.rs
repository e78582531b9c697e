//! Harbor's two processors: a request occupies one of them for its cost, so more requests at a time do not get more.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Processors that work through requests in the order of their coming.
pub(super) struct Processors {
    /// When each is free.
    free: Mutex<[Option<Instant>; 2]>,
    /// Seconds that are waited for each second of cost.
    scale: f64,
}

impl Processors {
    pub(super) fn new(scale: f64) -> Self {
        Self { free: Mutex::default(), scale }
    }

    /// Waits until a processor has worked for a request of this cost that came at this time.
    pub(super) async fn work(&self, came: Instant, cost: Duration) {
        let done = self.occupy(came, cost.mul_f64(self.scale));
        tokio::time::sleep_until(done.into()).await;
    }

    /// Pauses without a processor.
    pub(super) async fn pause(&self, time: Duration) {
        tokio::time::sleep(time.mul_f64(self.scale)).await;
    }

    /// When the processor that is free first is done. The times are added up, so that no timer's coarseness adds up.
    fn occupy(&self, came: Instant, cost: Duration) -> Instant {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let [first, second] = &mut *free;
        let processor = if *first <= *second { first } else { second };
        let done = processor.map_or(came, |free| free.max(came)) + cost;
        *processor = Some(done);
        done
    }
}
