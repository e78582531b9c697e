//! `/readyz`: answers 200 when the composition is loaded and a source answered within the last minute.

use crate::sources::crictl::Crictl;
use crate::sources::harbor::HarborClient;
use http::{Response, StatusCode};
use image_service_http::response::{Body, problem, text};
use image_service_telemetry::source::Source;
use image_service_telemetry::source_health::{SourceHealth, Status};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
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
    health: Arc<SourceHealth>,
    crictl: Arc<Crictl>,
    harbor: Arc<HarborClient>,
    /// The sources that the composition can ask.
    sources: Vec<Source>,
    /// When the sources were last probed. Locked during a probe, so that concurrent clients share one.
    probed: Mutex<Option<Instant>>,
}

impl Readiness {
    /// The readiness of these sources.
    pub(crate) fn new(
        health: Arc<SourceHealth>,
        crictl: Arc<Crictl>,
        harbor: Arc<HarborClient>,
        sources: Vec<Source>,
    ) -> Self {
        Self { health, crictl, harbor, sources, probed: Mutex::default() }
    }

    /// Answers `GET /readyz`.
    pub(crate) async fn answer(&self) -> Response<Body> {
        if !self.is_ready() {
            self.probe().await;
        }
        if self.is_ready() {
            let sources: Map<String, Value> = self
                .sources
                .iter()
                .map(|source| (source.name().to_owned(), status_json(&self.health.status(*source))))
                .collect();
            let body = json!({"status": "ready", "sources": sources});
            return text(StatusCode::OK, "application/json", format!("{body}\n"));
        }
        let failures: Vec<String> = self
            .sources
            .iter()
            .map(|source| match self.health.status(*source).failed {
                Some(failure) => format!("{}: {}", source.name(), failure.message),
                None => format!("{}: no answer within {} s", source.name(), PROBE_TIMEOUT.as_secs()),
            })
            .collect();
        problem(StatusCode::SERVICE_UNAVAILABLE, &format!("No source answered lately. {}", failures.join(". ")))
    }

    /// Sample data is always ready. Otherwise one source must have answered.
    fn is_ready(&self) -> bool {
        let answered_recently = |source: &Source| is_recent(&self.health.status(*source), SystemTime::now());
        self.sources.is_empty() || self.sources.iter().any(answered_recently)
    }

    /// Asks one source after the other until one answers, unless the last probe is too recent.
    async fn probe(&self) {
        let mut probed = self.probed.lock().await;
        if self.is_ready() || probed.is_some_and(|probed| probed.elapsed() < PROBE_INTERVAL) {
            return;
        }
        for source in &self.sources {
            // The outcome is in `health`.
            match source {
                Source::Containerd => drop(timeout(PROBE_TIMEOUT, self.crictl.ask()).await),
                Source::Harbor => drop(timeout(PROBE_TIMEOUT, self.harbor.probe()).await),
            }
            if self.is_ready() {
                break;
            }
        }
        *probed = Some(Instant::now());
    }
}

fn is_recent(status: &Status, now: SystemTime) -> bool {
    // An answer in the future, after the clock was set back, does not count.
    let age = status.answered.and_then(|answered| now.duration_since(answered).ok());
    age.is_some_and(|age| age < READY_FOR)
}

/// A source's status as JSON.
fn status_json(status: &Status) -> Value {
    let ago = |at: SystemTime| SystemTime::now().duration_since(at).unwrap_or_default().as_secs();
    let mut described = Map::new();
    if let Some(answered) = status.answered {
        described.insert("answered_seconds_ago".to_owned(), ago(answered).into());
    }
    if let Some(failure) = &status.failed {
        described.insert("failed_seconds_ago".to_owned(), ago(failure.at).into());
        described.insert("error".to_owned(), failure.message.as_str().into());
    }
    described.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_ready_for_a_minute_after_its_answer() {
        let now = SystemTime::now();
        let status = |age: u64| Status { answered: now.checked_sub(Duration::from_secs(age)), failed: None };
        assert!(is_recent(&status(0), now) && is_recent(&status(59), now));
        assert!(!is_recent(&status(60), now) && !is_recent(&Status::default(), now));
    }
}
