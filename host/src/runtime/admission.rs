//! Admission of requests to the components: a number of requests run, a number wait, and the host refuses more at once.
//!
//! A request begins only where the program has the memory that its instance is expected to need.
//!
//! Of the running requests, one per processor computes at a time. More would only compete for the processors, and each
//! needs its own instance: a few instances that run again and again stay in the processors' caches, dozens of them do
//! not. Measured: without this second semaphore, a component that does nothing takes a sixth more processor time.

use super::expected_growth::ExpectedGrowth;
use image_service_memory::{BUDGET, Exhausted, Promise};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Longest wait for a CPU permit. After it the request runs without one, so a guest that never yields cannot block others.
const CPU_PERMIT_TIMEOUT: Duration = Duration::from_millis(10);

/// Of the requests that wait, strangers may be one in so many.
const STRANGERS_SHARE: usize = 4;

/// Limits the requests that run in components, and those that wait.
pub(crate) struct ConcurrencyLimit {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    /// The part of those that wait that strangers may be.
    strangers: Semaphore,
    computing: Arc<Semaphore>,
    expected: Arc<ExpectedGrowth>,
    /// Most requests that run, and most that wait.
    limits: (usize, usize),
}

/// A request's permission to run; dropping it ends the permission.
#[derive(Debug)]
pub(super) struct Permit {
    _running: OwnedSemaphorePermit,
    computing: Option<OwnedSemaphorePermit>,
    memory: Promise,
}

impl Permit {
    /// Lets another request compute, because this one begins to wait.
    pub(super) fn release_cpu(&mut self) {
        self.computing = None;
    }

    /// Counts bytes that the instance now has no longer as expected.
    pub(super) fn spend_promise(&mut self, bytes: u64) {
        self.memory.spend(bytes);
    }
}

/// The program has too much to do for another request.
#[derive(Debug, thiserror::Error)]
pub enum Overloaded {
    /// More requests are under way than the limits allow.
    #[error("more requests are under way than limits_config.max_requests and max_waiting allow")]
    Requests,
    /// The requests under way need more memory than the program may use.
    #[error(transparent)]
    Memory(#[from] Exhausted),
}

impl ConcurrencyLimit {
    /// A limit of so many requests that run, and so many that wait.
    pub(crate) fn new(running: usize, waiting: usize) -> Self {
        // The most permits that a semaphore can have.
        let waiting = waiting.min(Semaphore::MAX_PERMITS);
        let computing = available_parallelism().map_or(1, usize::from);
        Self {
            running: Arc::new(Semaphore::new(running)),
            waiting: Semaphore::new(waiting),
            strangers: Semaphore::new(waiting.div_ceil(STRANGERS_SHARE)),
            computing: Arc::new(Semaphore::new(computing)),
            expected: Arc::default(),
            limits: (running, waiting),
        }
    }

    /// The same, for requests whose instances are expected to need so much memory.
    pub(super) fn expecting(self, expected: Arc<ExpectedGrowth>) -> Self {
        Self { expected, ..self }
    }

    /// The number of requests that run.
    pub(super) fn running(&self) -> usize {
        self.limits.0.saturating_sub(self.running.available_permits())
    }

    /// The number of requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.limits.1.saturating_sub(self.waiting.available_permits())
    }

    /// Waits for a permit; [`Overloaded`] where too many requests wait already, or where the deadline passes.
    /// Of strangers, fewer may wait, so that they leave room for those who have a token.
    pub(super) async fn acquire(&self, deadline: Instant, is_stranger: bool) -> Result<Permit, Overloaded> {
        let running = match Arc::clone(&self.running).try_acquire_owned() {
            Ok(running) => running,
            Err(_) => {
                let _share = match is_stranger {
                    true => Some(self.strangers.try_acquire().map_err(|_| Overloaded::Requests)?),
                    false => None,
                };
                self.acquire_run(deadline).await?
            }
        };
        let memory = self.promise_of_memory(deadline).await?;
        let computing = match Arc::clone(&self.computing).try_acquire_owned() {
            Ok(computing) => Some(computing),
            Err(_) => {
                timeout(CPU_PERMIT_TIMEOUT, Arc::clone(&self.computing).acquire_owned()).await.ok().and_then(Result::ok)
            }
        };
        Ok(Permit { _running: running, computing, memory })
    }

    /// Waits for the memory that the request is expected to need. A request that waits has its place among those that run, so that
    /// it keeps its turn.
    async fn promise_of_memory(&self, deadline: Instant) -> Result<Promise, Exhausted> {
        let bytes = self.expected.bytes();
        BUDGET.promise(bytes, || self.running() <= 1, deadline.into()).await
    }

    /// Waits in the same way for a permit of a request that needs no processor.
    pub(crate) async fn acquire_run(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Overloaded> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.waiting.try_acquire().map_err(|_| Overloaded::Requests)?;
        match timeout_at(deadline, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Overloaded::Requests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::time::Duration;

    #[tokio::test]
    async fn a_request_above_the_limit_of_waiting_ones_is_refused_at_once() {
        let limit = Arc::new(ConcurrencyLimit::new(1, 1));
        let later = Instant::now() + Duration::from_secs(60);
        let first = limit.acquire(later, false).await.unwrap();
        let second = tokio::spawn({
            let limit = Arc::clone(&limit);
            async move { limit.acquire(later, false).await }
        });
        while limit.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(limit.acquire(later, false).await.is_err());
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(limit.acquire(Instant::now(), false).await.is_err(), "no request waits longer than its deadline");
        drop(second);
        assert!(limit.acquire(later, false).await.is_ok());
    }

    #[tokio::test]
    async fn strangers_leave_room_among_those_that_wait() {
        let limit = ConcurrencyLimit::new(1, 8);
        let later = Instant::now() + Duration::from_secs(60);
        let _running = limit.acquire(later, true).await.unwrap();
        let mut waiting = Vec::new();
        let mut wait = |is_stranger| {
            let mut place = Box::pin(limit.acquire(later, is_stranger));
            let waits = (&mut place).now_or_never().is_none();
            waiting.push(place);
            waits
        };
        assert_eq!([true; 4].map(&mut wait), [true, true, false, false]);
        assert_eq!([false; 7].map(&mut wait), [true, true, true, true, true, true, false]);
    }

    #[tokio::test]
    async fn a_waiting_request_lets_another_compute_and_a_computing_one_delays_others_only_briefly() {
        let limit = ConcurrencyLimit::new(1000, 0);
        let later = Instant::now() + Duration::from_secs(60);
        let mut computing = Vec::new();
        while limit.computing.available_permits() > 0 {
            computing.push(limit.acquire(later, false).await.unwrap());
        }
        let begun = Instant::now();
        let without_cpu = limit.acquire(later, false).await.unwrap();
        assert!(without_cpu.computing.is_none() && begun.elapsed() >= CPU_PERMIT_TIMEOUT);
        computing[0].release_cpu();
        assert!(limit.acquire(later, false).await.unwrap().computing.is_some());
        assert_eq!(limit.running(), computing.len() + 1, "a request runs as long as it holds its permit");
    }
}
