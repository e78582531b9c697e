//! Spans for a collector (OTLP over HTTP), by the `OTEL_*` variables that all programs share. Where they name
//! none, there is no client, no task and no cost.
//!
//! - `env`: what the variables say;
//! - `batch`: spans that wait to be sent;
//! - `exporter`: the client that sends them.

mod batch;
mod env;
mod exporter;

pub(crate) use batch::Span;
pub use batch::{Kind, Outcome};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/otlp.proto")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/otlp.rs"));
}

use anyhow::{Context, Result};
use env::{Sampler, Settings};
use rustls::ClientConfig;
use std::path::Path;
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

/// Begins to send spans where the environment asks for it, once in the life of the program. `tls` makes the client's TLS
/// configuration, which trusts the system's authorities and those of the file.
///
/// # Errors
///
/// When a variable makes no sense, with its name.
pub fn start(tls: impl Fn(Option<&Path>) -> Result<ClientConfig>) -> Result<Export> {
    let (end, ended) = watch::channel(false);
    let mut tasks = Vec::new();
    if let Some(settings) = Settings::read(|name| std::env::var(name).ok())? {
        if let Some(target) = &settings.traces {
            let post = exporter::Exporter::new(target, tls(target.ca_file.as_deref())?)
                .context("preparing the export of traces")?;
            let (sender, receiver) = mpsc::channel(settings.max_queue);
            let _ = TRACES.set(Traces { sampler: settings.sampler, spans: sender });
            tasks.push(tokio::spawn(batch::send(
                receiver,
                post,
                settings.resource.clone(),
                settings.delay,
                ended.clone(),
            )));
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
pub(crate) fn samples(id: u128, parent: Option<bool>) -> Option<bool> {
    TRACES.get().map(|traces| traces.sampler.samples(id, parent))
}

/// Hands a span over; one too many is dropped, as telling must not hold up what is told of.
pub(crate) fn tell(span: Span) {
    if let Some(traces) = TRACES.get()
        && traces.spans.try_send(span).is_err()
    {
        crate::metrics::span_dropped();
    }
}
