//! Spans and metrics for a collector (OTLP over HTTP), by the `OTEL_*` variables that all programs share. Where they name
//! none, there is no client, no task and no cost.
//!
//! - `env`: what the variables say;
//! - `post`: sending to a collector;
//! - `traces`: spans that wait to be sent; `metrics`: all metrics, every so often.

mod env;
mod metrics;
mod post;
mod traces;

pub(super) use traces::{Kind, Outcome, Span};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/otlp.proto")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/otlp.rs"));
}

use anyhow::{Context, Result};
use env::{Sampler, Settings};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How long the last spans and metrics may take at the end of the program.
const LAST_WORDS: Duration = Duration::from_secs(5);

static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    sampler: Sampler,
    spans: mpsc::Sender<Span>,
}

/// What sends, until it is ended.
#[must_use]
pub struct Export {
    end: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Begins to send what the environment asks for, once in the life of the program.
///
/// # Errors
///
/// When a variable makes no sense, with its name.
pub fn start() -> Result<Export> {
    let (end, ended) = watch::channel(false);
    let mut tasks = Vec::new();
    if let Some(settings) = Settings::read(|name| std::env::var(name).ok())? {
        if let Some(target) = &settings.traces {
            let post = post::Post::new(target).context("preparing the export of traces")?;
            let (sender, receiver) = mpsc::channel(settings.max_queue);
            let _ = TRACES.set(Traces { sampler: settings.sampler, spans: sender });
            tasks.push(tokio::spawn(traces::send(
                receiver,
                post,
                settings.resource.clone(),
                settings.delay,
                ended.clone(),
            )));
        }
        if let Some(target) = &settings.metrics {
            let post = post::Post::new(target).context("preparing the export of metrics")?;
            tasks.push(tokio::spawn(metrics::send(post, settings.resource.clone(), settings.interval, ended)));
        }
    }
    Ok(Export { end, tasks })
}

impl Export {
    /// Sends what is left.
    pub async fn end(self) {
        self.end.send_replace(true);
        for task in self.tasks {
            if tokio::time::timeout(LAST_WORDS, task).await.is_err() {
                tracing::warn!(
                    "the last spans or metrics could not be sent to the collector within {} s",
                    LAST_WORDS.as_secs()
                );
            }
        }
    }
}

/// Whether a trace is recorded: as its client wants, or as its id falls; nothing where no trace is.
pub(super) fn samples(id: u128, parent: Option<bool>) -> Option<bool> {
    TRACES.get().map(|traces| traces.sampler.samples(id, parent))
}

/// Hands a span over; one too many is dropped, as telling must not hold up what is told of.
pub(super) fn tell(span: Span) {
    if let Some(traces) = TRACES.get()
        && traces.spans.try_send(span).is_err()
    {
        super::metrics::span_dropped();
    }
}
