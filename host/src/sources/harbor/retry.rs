//! Retries of requests: after failures that may pass, within the time limit of the request, and only for a few requests
//! at once, so that a server that is starting is not overloaded.

use super::error::{Retry, SendError};
use super::failure::Failure;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::Response;
use image_service_config::duration::deadline;
use image_service_telemetry::metrics;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// The ceiling of the first wait. Each further ceiling is twice the one before.
const FIRST_WAIT_CEILING: Duration = Duration::from_millis(250);
const MAX_WAIT_CEILING: Duration = Duration::from_secs(10);
/// The same where Harbor is starting, which takes it seconds: long waits would only add to them.
const MAX_STARTING_CEILING: Duration = Duration::from_secs(2);

/// Runs requests with retries.
pub(super) struct Retries {
    /// Most tries after the first one.
    times: usize,
    /// Limits the requests that wait for a retry. While Harbor is down, the others fail after their first try.
    budget: Semaphore,
}

impl Retries {
    /// `times` tries after the first one, for at most `at_a_time` requests at once.
    pub(super) fn new(times: usize, at_a_time: usize) -> Self {
        Self { times, budget: Semaphore::new(at_a_time.min(Semaphore::MAX_PERMITS)) }
    }

    /// Tries until it succeeds, fails for good, or the next try would begin after `end`.
    pub(super) async fn run<A: Future<Output = Result<Response<Bytes>, Failure>>>(
        &self,
        end: Instant,
        mut attempt: impl FnMut() -> A,
    ) -> Result<Response<Bytes>, SendError> {
        let backoff = ExponentialBuilder::new().with_min_delay(FIRST_WAIT_CEILING).with_max_delay(MAX_WAIT_CEILING);
        let mut ceilings = backoff.with_max_times(self.times).build();
        // Not so many times, but until `end`.
        let mut while_starting = backoff.with_max_delay(MAX_STARTING_CEILING).without_max_times().build();
        let (mut permit, mut tries) = (None, 1);
        loop {
            let Failure { outcome, retry } = match attempt().await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let wait = match retry {
                Retry::Never => None,
                Retry::Starting if self.times == 0 => None,
                Retry::Starting => while_starting.next().map(|ceiling| wait(retry, ceiling)),
                Retry::Later | Retry::After(_) => ceilings.next().map(|ceiling| wait(retry, ceiling)),
            };
            let in_time = wait.filter(|wait| deadline(*wait) < end);
            permit = permit.or_else(|| in_time.and_then(|_| self.budget.try_acquire().ok()));
            let (Some(wait), Some(_)) = (in_time, &permit) else { return with_tries(*outcome, tries) };
            tracing::debug!("try {tries} of a request to Harbor failed; the next is in {wait:?}");
            sleep(wait).await;
            metrics::upstream_retried();
            tries += 1;
        }
    }
}

/// The wait with full jitter, so that requests that failed together do not come back together.
fn wait(retry: Retry, ceiling: Duration) -> Duration {
    let jitter = Duration::try_from_secs_f64(ceiling.as_secs_f64() * fastrand::f64()).unwrap_or(ceiling);
    match retry {
        Retry::After(wait) => wait.saturating_add(jitter),
        Retry::Later | Retry::Starting | Retry::Never => jitter,
    }
}

/// The last failure, with the number of tries.
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

    async fn tries(retries: &Retries, retry: Retry, budget: Duration) -> (usize, Result<(), String>) {
        let count = Cell::new(0);
        let outcome = retries
            .run(deadline(budget), || {
                count.set(count.get() + 1);
                std::future::ready(Err(Failure {
                    outcome: Box::new(Err(SendError::failed(FailureKind::Other, "no".to_owned()))),
                    retry,
                }))
            })
            .await;
        (count.get(), outcome.map(|_| ()).map_err(|error| error.to_string()))
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_failure_is_retried_up_to_the_limit_and_says_how_often() {
        let (count, outcome) = tries(&Retries::new(3, 1), Retry::Later, MINUTE).await;
        assert_eq!(count, 4);
        assert!(outcome.unwrap_err().contains("no (tried 4 times)"));
        assert_eq!(tries(&Retries::new(0, 1), Retry::Later, MINUTE).await.0, 1);
    }

    #[tokio::test]
    async fn while_harbor_starts_a_request_is_retried_until_its_time_limit() {
        let (count, outcome) = tries(&Retries::new(3, 1), Retry::Starting, Duration::from_secs(4)).await;
        assert!(count > 4 && outcome.is_err(), "{count}");
        assert_eq!(tries(&Retries::new(0, 1), Retry::Starting, MINUTE).await.0, 1);
    }

    #[tokio::test]
    async fn a_request_is_not_retried_after_its_deadline_or_a_permanent_failure() {
        let retries = Retries::new(3, 1);
        assert_eq!(tries(&retries, Retry::Never, MINUTE).await.0, 1);
        assert_eq!(tries(&retries, Retry::After(Duration::from_secs(120)), MINUTE).await.0, 1);
        assert_eq!(tries(&retries, Retry::After(Duration::MAX), MINUTE).await.0, 1);
        assert_eq!(tries(&retries, Retry::Later, Duration::ZERO).await.0, 1);
    }

    #[tokio::test]
    async fn only_a_limited_number_of_requests_is_retried_at_a_time() {
        let retries = Retries::new(1, 2);
        let all = futures_util::future::join_all((0..10).map(|_| tries(&retries, Retry::Later, MINUTE))).await;
        assert_eq!(all.iter().map(|(count, _)| count).sum::<usize>(), 12);
    }
}
