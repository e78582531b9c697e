//! When a request is tried again: after failures that may pass, within its time, and never by so many at once that a
//! server that is coming up is held down.

use super::error::SendError;
use super::failure::{Again, Failure};
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::Response;
use image_service_telemetry::metrics;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// The most that the first wait may be; each further one may be twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How often requests are tried again.
pub(super) struct Retries {
    /// After the first try.
    times: usize,
    /// Requests that are tried again at a time. While Harbor is down, others fail after their first try.
    budget: Semaphore,
}

impl Retries {
    /// `times` tries after the first one, for at most `at_a_time` requests at once.
    pub(super) fn new(times: usize, at_a_time: usize) -> Self {
        Self { times, budget: Semaphore::new(at_a_time.min(Semaphore::MAX_PERMITS)) }
    }

    /// Tries until it succeeds, fails for good, or would not be done by the deadline.
    pub(super) async fn run<A: Future<Output = Result<Response<Bytes>, Failure>>>(
        &self,
        deadline: Instant,
        mut attempt: impl FnMut() -> A,
    ) -> Result<Response<Bytes>, SendError> {
        let backoff = ExponentialBuilder::new().with_min_delay(FIRST_WAIT).with_max_delay(LONGEST_WAIT);
        let mut ceilings = backoff.with_max_times(self.times).build();
        let (mut permit, mut tries) = (None, 1);
        loop {
            let Failure { outcome, again } = match attempt().await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let wait = match again {
                Again::Never => None,
                Again::Later | Again::After(_) => ceilings.next().map(|ceiling| wait(again, ceiling)),
            };
            let in_time = wait.filter(|wait| Instant::now() + *wait < deadline);
            permit = permit.or_else(|| in_time.and_then(|_| self.budget.try_acquire().ok()));
            let (Some(wait), Some(_)) = (in_time, &permit) else { return with_tries(*outcome, tries) };
            tracing::debug!("try {tries} of a request to Harbor failed; the next is in {wait:?}");
            sleep(wait).await;
            metrics::upstream_retried();
            tries += 1;
        }
    }
}

/// Full jitter: those that failed together are not to come together again.
fn wait(again: Again, ceiling: Duration) -> Duration {
    let jitter = ceiling.mul_f64(fastrand::f64());
    match again {
        Again::After(wait) => wait.saturating_add(jitter),
        Again::Later | Again::Never => jitter,
    }
}

/// The last failure, with how often it was tried.
fn with_tries(outcome: Result<Response<Bytes>, SendError>, tries: usize) -> Result<Response<Bytes>, SendError> {
    match outcome {
        Err(SendError::Failed { kind, message }) if tries > 1 => {
            Err(SendError::failed(kind, format!("{message} (tried {tries} times)")))
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_telemetry::source::FailureKind;
    use std::cell::Cell;

    async fn tries(retries: &Retries, again: Again, budget: Duration) -> (usize, Result<(), String>) {
        let count = Cell::new(0);
        let outcome = retries
            .run(Instant::now() + budget, || {
                count.set(count.get() + 1);
                std::future::ready(Err(Failure {
                    outcome: Box::new(Err(SendError::failed(FailureKind::Other, "no".to_owned()))),
                    again,
                }))
            })
            .await;
        (count.get(), outcome.map(|_| ()).map_err(|error| error.to_string()))
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_failure_is_tried_again_so_often_and_says_so() {
        let (count, outcome) = tries(&Retries::new(3, 1), Again::Later, MINUTE).await;
        assert_eq!(count, 4);
        assert!(outcome.unwrap_err().contains("no (tried 4 times)"));
        assert_eq!(tries(&Retries::new(0, 1), Again::Later, MINUTE).await.0, 1);
    }

    #[tokio::test]
    async fn what_would_not_be_done_in_time_or_fails_for_good_is_not_tried_again() {
        let retries = Retries::new(3, 1);
        assert_eq!(tries(&retries, Again::Never, MINUTE).await.0, 1);
        assert_eq!(tries(&retries, Again::After(2 * MINUTE), MINUTE).await.0, 1);
        assert_eq!(tries(&retries, Again::Later, Duration::ZERO).await.0, 1);
    }

    #[tokio::test]
    async fn only_so_many_requests_are_tried_again_at_a_time() {
        let retries = Retries::new(1, 2);
        let all = futures_util::future::join_all((0..10).map(|_| tries(&retries, Again::Later, MINUTE))).await;
        assert_eq!(all.iter().map(|(count, _)| count).sum::<usize>(), 12);
    }
}
