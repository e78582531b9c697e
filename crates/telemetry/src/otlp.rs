//! Export of spans to a collector (OTLP over HTTP), by the `OTEL_*` variables of the OpenTelemetry specification. Where
//! they name no collector, there is no client, no task and no cost.
//!
//! - `env`: the variables;
//! - `batch`: collects spans into batches;
//! - `exporter`: the client that sends them.
//!
//! By hand on purpose. opentelemetry_sdk and opentelemetry-otlp (0.33) force no feature on wasmtime, tokio or hyper, but they
//! would replace only the batches and the messages, and this program would lose what operators see:
//!
//! - They replace a wrong value of a variable by a default, most without a word. This program names the variable and ends.
//! - They do not read `OTEL_TRACES_EXPORTER`, `OTEL_SDK_DISABLED` and `OTEL_EXPORTER_OTLP_CERTIFICATE`.
//! - They count dropped spans in an experimental metric of their own, which `/metrics` does not have.
//! - They make the ids of traces and spans. The log and Harbor know the ids here before a span exists.
//!
//! They would bring ten crates: 5 s of compiler work, and 0.7 MB of program. opentelemetry-proto needs the SDK for the messages
//! alone, so these are generated (`proto`).

mod batch;
mod env;
mod exporter;
mod proto;
mod span;

pub(crate) use span::Span;
pub use span::{Kind, Outcome};

use anyhow::{Context, Result};
use env::{Sampler, Settings};
use exporter::Exporter;
use rustls::ClientConfig;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Longest wait for the last spans at the end of the program.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    sampler: Sampler,
    spans: mpsc::Sender<Span>,
}

/// The task that sends spans. [`Export::end`] ends it.
#[must_use]
pub struct Export {
    end: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

/// Starts the export where the environment asks for it, once in the life of the program. `tls` makes the TLS configuration
/// of the client, which trusts the system's authorities and those of the file.
///
/// # Errors
///
/// When a variable has an invalid value, with its name.
pub fn start(tls: impl Fn(Option<&Path>) -> Result<ClientConfig>) -> Result<Export> {
    let variable = |name: &str| std::env::var(name).ok();
    for name in env::metrics_push(variable) {
        tracing::warn!(
            "{name} has no effect, as this program does not push metrics; let the collector scrape /metrics"
        );
    }
    let (end, ended) = watch::channel(false);
    let task = match Settings::read(variable)? {
        None => None,
        Some(Settings { traces, resource, sampler, max_queue, delay }) => {
            let tls = tls(traces.ca_file.as_deref())?;
            let exporter = Exporter::new(&traces, tls).context("preparing the export of traces")?;
            let (sender, receiver) = mpsc::channel(max_queue);
            let _ = TRACES.set(Traces { sampler, spans: sender });
            Some(tokio::spawn(batch::send(receiver, exporter, resource, delay, ended)))
        }
    };
    Ok(Export { end, task })
}

impl Export {
    /// Sends the spans in the queue.
    pub async fn end(self) {
        self.end.send_replace(true);
        if let Some(task) = self.task
            && tokio::time::timeout(FLUSH_TIMEOUT, task).await.is_err()
        {
            tracing::warn!("the collector did not take the last spans within {} s", FLUSH_TIMEOUT.as_secs());
        }
    }
}

/// Whether the sampler records a trace, by the decision of its client or by its id; `None` where there is no export.
pub(crate) fn samples(id: u128, parent: Option<bool>) -> Option<bool> {
    TRACES.get().map(|traces| traces.sampler.samples(id, parent))
}

/// Queues a span. A full queue drops it, because telemetry must not hold up a request.
pub(crate) fn queue(span: Span) {
    if let Some(traces) = TRACES.get()
        && traces.spans.try_send(span).is_err()
    {
        crate::metrics::span_dropped();
    }
}
