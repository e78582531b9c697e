//! `compare_config.refresh`: the program looks by itself at how nodes and Harbor compare, for its metrics.

use http::Request;
use http_body_util::BodyExt;
use image_service_http::cache::Origin;
use image_service_http::request_context::RequestContext;
use image_service_http::response::no_body;
use image_service_http::routes::Route;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How many times `refresh` the metrics have the verdicts of a look: long enough that one look may fail, and the next one be late.
const LOOKS: u32 = 3;
/// How long the metrics have the verdicts that a client asked for, where the program does not look by itself: long enough for a
/// scrape, and too short for an alert.
const AFTER_A_REQUEST: Duration = Duration::from_secs(60);
/// How much sooner or later than after `refresh` the program looks again: nodes that started together drift apart.
const JITTER: f64 = 0.1;

/// How long the metrics have the verdicts of an answer.
pub(crate) fn lifetime(refresh: Option<Duration>) -> Duration {
    refresh.map_or(AFTER_A_REQUEST, |refresh| refresh.saturating_mul(LOOKS).max(AFTER_A_REQUEST))
}

/// Looks from time to time, until it is dropped.
pub(crate) struct VerdictRefresh(AbortHandle);

impl VerdictRefresh {
    /// Begins. The metrics take the counts out of the answer's head, as they do for clients.
    pub(crate) fn start(origin: Origin, refresh: Duration) -> Self {
        Self(tokio::spawn(run(origin, refresh)).abort_handle())
    }
}

impl Drop for VerdictRefresh {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(origin: Origin, refresh: Duration) {
    // Nodes that start together do not ask Harbor together.
    tokio::time::sleep(times(refresh, fastrand::f64())).await;
    loop {
        look(&origin).await;
        tokio::time::sleep(times(refresh, 1.0 - JITTER + 2.0 * JITTER * fastrand::f64())).await;
    }
}

/// Asks for the head of the comparison, which has the counts. Nobody reads its rows, so none are written.
async fn look(origin: &Origin) {
    let Ok(request) = Request::head(Route::Compare.label()).body(no_body()) else { return };
    let context = Arc::new(RequestContext::of(&request, false));
    let mut body = origin(request, context).await.into_body();
    // Failures are in the log and in the metrics. The instance is free at the end of the body.
    while let Some(Ok(_)) = body.frame().await {}
}

fn times(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_outlive_a_look_that_fails_and_without_looks_the_next_scrape() {
        assert_eq!(lifetime(None), Duration::from_secs(60));
        assert_eq!(lifetime(Some(Duration::from_secs(600))), Duration::from_secs(1800));
        assert_eq!(lifetime(Some(Duration::from_secs(1))), Duration::from_secs(60));
    }
}
