//! Whose turn it is: so many requests are worked on at a time, so many wait, and more are refused at once.
//!
//! Of those that are worked on, one computes for each processor at a time: more would only take the processors from each
//! other, and each needs an instance of its own. A few instances, used again and again, stay in the processors' caches;
//! dozens in turn do not.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// How long one waits for others to compute. Whoever takes longer has to share, as the system can do that too, and those who
/// hold on to their turn keep nobody else from his.
const PATIENCE: Duration = Duration::from_millis(10);

/// Turns with the components.
pub(super) struct Turns {
    working: Arc<Semaphore>,
    waiting: Semaphore,
    computing: Arc<Semaphore>,
    /// How many may work, and how many may wait.
    most: (usize, usize),
}

/// A turn with the components; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _working: OwnedSemaphorePermit,
    computing: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// From now on the request waits for somebody, so that another may compute.
    pub(super) fn waits(&mut self) {
        self.computing = None;
    }
}

/// More requests are under way than may be.
#[derive(Debug, thiserror::Error)]
#[error("more requests are under way than limits_config.max_requests and max_waiting allow")]
pub struct Busy;

impl Turns {
    pub(super) fn new(working: usize, waiting: usize) -> Self {
        // A semaphore can't have more.
        let waiting = waiting.min(Semaphore::MAX_PERMITS);
        let computing = available_parallelism().map_or(1, usize::from);
        Self {
            working: Arc::new(Semaphore::new(working)),
            waiting: Semaphore::new(waiting),
            computing: Arc::new(Semaphore::new(computing)),
            most: (working, waiting),
        }
    }

    /// How many are worked on.
    pub(super) fn working(&self) -> usize {
        self.most.0.saturating_sub(self.working.available_permits())
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.most.1.saturating_sub(self.waiting.available_permits())
    }

    /// A turn; [`Busy`] where too many wait already, or none comes before the deadline.
    pub(super) async fn next(&self, deadline: Instant) -> Result<Turn, Busy> {
        let working = self.work(deadline).await?;
        let computing = match Arc::clone(&self.computing).try_acquire_owned() {
            Ok(computing) => Some(computing),
            Err(_) => timeout(PATIENCE, Arc::clone(&self.computing).acquire_owned()).await.ok().and_then(Result::ok),
        };
        Ok(Turn { _working: working, computing })
    }

    async fn work(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Busy> {
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

    #[tokio::test]
    async fn who_waits_for_somebody_lets_another_compute_and_who_does_not_is_waited_for_briefly() {
        let turns = Turns::new(1000, 0);
        let later = Instant::now() + Duration::from_secs(60);
        let mut computing = Vec::new();
        while turns.computing.available_permits() > 0 {
            computing.push(turns.next(later).await.unwrap());
        }
        let begun = Instant::now();
        let hasty = turns.next(later).await.unwrap();
        assert!(hasty.computing.is_none() && begun.elapsed() >= PATIENCE);
        computing[0].waits();
        assert!(turns.next(later).await.unwrap().computing.is_some());
        assert_eq!(turns.working(), computing.len() + 1, "all have a turn that were given one and hold it");
    }
}
