//! Whose turn it is: so many requests are worked on at a time, so many wait, and more are refused at once.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Turns with the components.
pub(super) struct Turns {
    working: Arc<Semaphore>,
    waiting: Semaphore,
    /// How many may work, and how many may wait.
    most: (usize, usize),
}

/// More requests are under way than may be.
#[derive(Debug, thiserror::Error)]
#[error("more requests are under way than limits_config.max_requests and max_waiting allow")]
pub struct Busy;

impl Turns {
    pub(super) fn new(working: usize, waiting: usize) -> Self {
        // A semaphore can't have more.
        let waiting = waiting.min(Semaphore::MAX_PERMITS);
        Self { working: Arc::new(Semaphore::new(working)), waiting: Semaphore::new(waiting), most: (working, waiting) }
    }

    /// How many are worked on.
    pub(super) fn working(&self) -> usize {
        self.most.0.saturating_sub(self.working.available_permits())
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.most.1.saturating_sub(self.waiting.available_permits())
    }

    /// A turn, which ends when it is dropped; [`Busy`] where too many wait already, or none comes before the deadline.
    pub(super) async fn next(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Busy> {
        if let Ok(turn) = Arc::clone(&self.working).try_acquire_owned() {
            return Ok(turn);
        }
        let _place = self.waiting.try_acquire().map_err(|_| Busy)?;
        match timeout_at(deadline, Arc::clone(&self.working).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_comes_after_those_who_wait_is_refused_at_once() {
        let turns = Arc::new(Turns::new(1, 1));
        let later = Instant::now() + Duration::from_secs(60);
        let first = turns.next(later).await.unwrap();
        let second = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.next(later).await }
        });
        while turns.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(turns.next(later).await.is_err());
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(turns.next(Instant::now()).await.is_err(), "nobody waits for longer than the deadline");
        drop(second);
        assert!(turns.next(later).await.is_ok());
    }
}
