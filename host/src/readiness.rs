//! `/readyz`: answers 200 when the composition is loaded and a source answered within the last minute. Everybody learns the state of
//! each source. Errors name sockets, hosts and users, so they are for clients with a token, and for the log.

use crate::sources::crictl::Crictl;
use crate::sources::harbor::HarborClient;
use http::{Response, StatusCode};
use image_service_http::response::{Body, problem, text};
use image_service_telemetry::moment::Moment;
use image_service_telemetry::source::Source;
use image_service_telemetry::source_health::Status;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// A source counts as ready for this long after its last answer.
const READY_FOR: Duration = Duration::from_secs(60);
/// Longest wait for the answer of one source to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Shortest time between two probes, however often clients ask for `/readyz`.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Knows whether a source answered within the last minute, and probes the sources where none did.
pub(crate) struct Readiness {
    crictl: Arc<Crictl>,
    harbor: Arc<HarborClient>,
    /// The sources that the composition can ask.
    sources: Vec<Source>,
    /// Locked during a probe, so that concurrent clients share one.
    last_probe: Mutex<LastProbe>,
}

/// The last probe of the sources.
#[derive(Default)]
struct LastProbe {
    at: Option<Instant>,
    /// Why each source did not answer, as the log has it: a line for each new reason, and not for each probe.
    logged: [Option<String>; Source::ALL.len()],
}

impl Readiness {
    /// The readiness of these sources.
    pub(crate) fn new(crictl: Arc<Crictl>, harbor: Arc<HarborClient>, sources: Vec<Source>) -> Self {
        Self { crictl, harbor, sources, last_probe: Mutex::default() }
    }

    fn status(&self, source: Source) -> Status {
        match source {
            Source::Containerd => self.crictl.health().status(),
            Source::Harbor => self.harbor.health().status(),
        }
    }

    /// Answers `GET /readyz`, with the errors of sources or without.
    pub(crate) async fn answer(&self, with_errors: bool) -> Response<Body> {
        if !self.is_ready() {
            self.probe().await;
        }
        if self.is_ready() {
            let sources: Map<String, Value> = self
                .sources
                .iter()
                .map(|source| (source.name().to_owned(), status_json(&self.status(*source), with_errors)))
                .collect();
            let body = json!({"status": "ready", "sources": sources});
            return text(StatusCode::OK, "application/json", image_model::json::text(&body) + "\n");
        }
        let failures: Vec<String> = self
            .sources
            .iter()
            .map(|source| format!("{}: {}", source.name(), failure(&self.status(*source), with_errors)))
            .collect();
        let why = if with_errors {
            ""
        } else {
            ". The log says why, and so does this answer to a client who may see errors."
        };
        let detail = format!("No source answered lately. {}{why}", failures.join(". "));
        problem(StatusCode::SERVICE_UNAVAILABLE, &detail)
    }

    /// Sample data is always ready. Otherwise one source must have answered.
    fn is_ready(&self) -> bool {
        let answered_recently = |source: &Source| is_recent(&self.status(*source), Moment::now());
        self.sources.is_empty() || self.sources.iter().any(answered_recently)
    }

    /// Asks one source after the other until one answers, unless the last probe is too recent.
    async fn probe(&self) {
        let mut last = self.last_probe.lock().await;
        if self.is_ready() || last.at.is_some_and(|at| at.elapsed() < PROBE_INTERVAL) {
            return;
        }
        for source in &self.sources {
            // The outcome is in `health`.
            let in_time = match source {
                Source::Containerd => timeout(PROBE_TIMEOUT, self.crictl.ask()).await.is_ok(),
                Source::Harbor => timeout(PROBE_TIMEOUT, self.harbor.probe()).await.is_ok(),
            };
            let status = self.status(*source);
            let failed = (!is_recent(&status, Moment::now()))
                .then(|| if in_time { failure(&status, true) } else { no_answer() });
            let logged = &mut last.logged[*source as usize];
            if let Some(reason) = &failed
                && *logged != failed
            {
                tracing::warn!("/readyz: {}: {reason}", source.name());
            }
            *logged = failed;
            if self.is_ready() {
                break;
            }
        }
        last.at = Some(Instant::now());
    }
}

fn is_recent(status: &Status, now: Moment) -> bool {
    status.answered.is_some_and(|answered| now.since(answered) < READY_FOR)
}

/// Why a source is not ready.
fn failure(status: &Status, with_errors: bool) -> String {
    match &status.failed {
        Some(failure) if with_errors => failure.message.clone(),
        Some(failure) => format!("failed {} s ago", failure.at.age().as_secs()),
        None => no_answer(),
    }
}

fn no_answer() -> String {
    format!("no answer within {} s", PROBE_TIMEOUT.as_secs())
}

/// A source's status as JSON.
fn status_json(status: &Status, with_errors: bool) -> Value {
    let mut described = Map::new();
    if let Some(answered) = status.answered {
        described.insert("answered_seconds_ago".to_owned(), answered.age().as_secs().into());
    }
    if let Some(failure) = &status.failed {
        described.insert("failed_seconds_ago".to_owned(), failure.at.age().as_secs().into());
        if with_errors {
            described.insert("error".to_owned(), failure.message.as_str().into());
        }
    }
    described.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_telemetry::source_health::Failure;

    #[test]
    fn a_source_is_ready_for_a_minute_after_its_answer() {
        let answered = Moment::now();
        let status = Status { answered: Some(answered), failed: None };
        let is_ready = |age: u64| is_recent(&status, answered.after(Duration::from_secs(age)));
        assert!(is_ready(0) && is_ready(59) && !is_ready(60));
        assert!(!is_recent(&Status::default(), answered));
    }

    #[test]
    fn everybody_learns_states_and_only_some_the_errors() {
        let message = "there is no socket /run/secret.sock".to_owned();
        let failed = Some(Failure { at: Moment::now(), message: message.clone() });
        let status = Status { answered: None, failed };
        assert_eq!(status_json(&status, false), json!({"failed_seconds_ago": 0}));
        assert_eq!(status_json(&status, true), json!({"failed_seconds_ago": 0, "error": message}));
        assert_eq!((failure(&status, false), failure(&status, true)), ("failed 0 s ago".to_owned(), message));
    }
}
