//! Whether there is anything to be had here: `/readyz` (200 once the composition is loaded and a source answered lately).

use crate::config;
use crate::content::Content;
use crate::crictl::Crictl;
use crate::problem::{answer, problem};
use crate::runtime::Service;
use crate::telemetry::source::{Seen, Source};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Where it is asked.
pub(crate) const PATH: &str = "/readyz";

/// An answer is of late for so long.
const LATELY: Duration = Duration::from_secs(60);
/// How long a source may take that is asked for nothing but its health.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long what came of that counts, whoever asks again.
const KEPT: Duration = Duration::from_secs(5);
/// What Harbor is asked: it says little, costs it little, and needs no login.
const HARBOR_PATH: &str = "/api/v2.0/systeminfo";

/// Knows whether a source answered lately; asks where none was asked by anybody.
pub(crate) struct Health {
    service: Arc<Service>,
    crictl: Arc<Crictl>,
    /// The sources that the composition can ask.
    sources: Vec<Source>,
    harbor: String,
    /// When the sources were asked here. Held while they are, so that they are asked once whoever wants to know.
    asked: Mutex<Option<Instant>>,
}

impl Health {
    pub(crate) fn new(service: Arc<Service>, crictl: Arc<Crictl>, harbor: &config::Harbor) -> Self {
        let sources = Source::ALL.into_iter().filter(|source| match source {
            Source::Containerd => service.imports("image-service:inventory/crictl@"),
            Source::Harbor => !harbor.url.is_empty() && service.imports("wasi:http/client@"),
        });
        let harbor = format!("{}{HARBOR_PATH}", harbor.url.trim_end_matches('/'));
        Self { sources: sources.collect(), service, crictl, harbor, asked: Mutex::default() }
    }

    /// Answers `GET /readyz`.
    pub(crate) async fn answer(&self) -> Response<Content> {
        if !self.is_ready() {
            self.ask().await;
        }
        if self.is_ready() {
            let sources: Map<String, Value> =
                self.sources.iter().map(|source| (source.name().to_owned(), told(&source.seen()))).collect();
            let body = json!({"status": "ready", "sources": sources});
            return answer(StatusCode::OK, "application/json", format!("{body}\n"));
        }
        let said: Vec<String> = self
            .sources
            .iter()
            .map(|source| match source.seen().failed {
                Some((_, message)) => format!("{}: {message}", source.name()),
                None => format!("{}: no answer within {} s", source.name(), PATIENCE.as_secs()),
            })
            .collect();
        problem(StatusCode::SERVICE_UNAVAILABLE, &format!("No source answered lately. {}", said.join(". ")))
    }

    /// Sample data is always there; else one source has to have answered.
    fn is_ready(&self) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|source| is_of_late(&source.seen(), SystemTime::now()))
    }

    /// Asks one source after the other until one answers, unless that was done just now.
    async fn ask(&self) {
        let mut asked = self.asked.lock().await;
        if self.is_ready() || asked.is_some_and(|asked| asked.elapsed() < KEPT) {
            return;
        }
        for source in &self.sources {
            // What comes of it is noted where sources are asked.
            match source {
                Source::Containerd => drop(timeout(PATIENCE, self.crictl.ask()).await),
                Source::Harbor => drop(timeout(PATIENCE, self.service.ask_harbor(&self.harbor)).await),
            }
            if self.is_ready() {
                break;
            }
        }
        *asked = Some(Instant::now());
    }
}

fn is_of_late(seen: &Seen, now: SystemTime) -> bool {
    // A clock that was set back tells nothing.
    seen.answered.and_then(|answered| now.duration_since(answered).ok()).is_some_and(|age| age < LATELY)
}

/// When a source answered and failed last, and how.
fn told(seen: &Seen) -> Value {
    let ago = |at: SystemTime| SystemTime::now().duration_since(at).unwrap_or_default().as_secs();
    let mut told = Map::new();
    if let Some(answered) = seen.answered {
        told.insert("answered_seconds_ago".to_owned(), ago(answered).into());
    }
    if let Some((at, message)) = &seen.failed {
        told.insert("failed_seconds_ago".to_owned(), ago(*at).into());
        told.insert("error".to_owned(), message.as_str().into());
    }
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_a_minute() {
        let now = SystemTime::now();
        let seen = |age: u64| Seen { answered: now.checked_sub(Duration::from_secs(age)), failed: None };
        assert!(is_of_late(&seen(0), now) && is_of_late(&seen(59), now));
        assert!(!is_of_late(&seen(60), now) && !is_of_late(&Seen::default(), now));
    }
}
