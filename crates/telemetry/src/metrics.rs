//! Counters and gauges, as Prometheus reads them: plain atomics, so that a request costs some nanoseconds.
//!
//! Before [`start`] nothing is counted. Labels have few values: no path, no name that comes from outside.

mod probe;
mod process;
mod registry;

pub use probe::{Probe, RuntimeUsage};

use crate::source::{FailureKind, Source};
use anyhow::Result;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, TextEncoder};
use registry::{HIT, Metrics, now};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// Begins counting, once in the life of the program.
///
/// # Errors
///
/// When a metric is defined wrongly.
pub fn start() -> Result<()> {
    if METRICS.get().is_none() {
        let _ = METRICS.set(Metrics::new()?);
    }
    Ok(())
}

/// All metrics at this moment.
pub fn gather() -> Vec<MetricFamily> {
    METRICS.get().map(Metrics::gather).unwrap_or_default()
}

/// All metrics at this moment, in Prometheus' text format.
///
/// # Errors
///
/// When one has a name that the format can't have.
pub fn text() -> Result<String> {
    Ok(TextEncoder::new().encode_to_string(&gather())?)
}

/// From now on `/metrics` asks this probe, as long as it lives.
pub fn set_probe(probe: &Arc<dyn Probe>) {
    if let Some(metrics) = METRICS.get() {
        *metrics.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(probe));
    }
}

/// A request that ended.
pub struct Ended<'a> {
    /// The label of its route.
    pub route: &'static str,
    /// Its status, or 499 where the client left before there was one.
    pub status: &'a str,
    /// The result of the cache, where the request passed it.
    pub cache: Option<&'static str>,
    /// From its head to the end of its answer.
    pub elapsed: Duration,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

/// A request began; it has to end.
pub fn request_began() {
    if let Some(metrics) = METRICS.get() {
        metrics.in_flight.inc();
    }
}

/// A request ended.
pub fn request_ended(ended: &Ended<'_>) {
    let Some(metrics) = METRICS.get() else { return };
    metrics.in_flight.dec();
    let labels = (ended.route, ended.status, ended.cache);
    let looked_up;
    let counts = if labels == HIT {
        &metrics.hit
    } else {
        // Only a wrong number of labels could fail.
        let Ok(counts) = metrics.counts(labels) else { return };
        looked_up = counts;
        &looked_up
    };
    counts.request.inc();
    counts.seconds.observe(ended.elapsed.as_secs_f64());
    counts.bytes.inc_by(ended.bytes);
    if let Some(cache) = &counts.cache {
        cache.inc();
    }
}

/// A source was asked by a listing.
pub fn source_took(source: Source, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_seconds.with_label_values(&[source.name()]).observe(elapsed.as_secs_f64());
    }
}

/// The rows of a source in the latest listing.
pub fn source_gave(source: Source, rows: u64) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_rows.with_label_values(&[source.name()]).set(rows.cast_signed());
    }
}

/// Something failed at a source.
pub fn source_failed(source: Source, kind: FailureKind) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_errors.with_label_values(&[source.name(), kind.label()]).inc();
    }
}

/// A request to Harbor has ended.
pub fn upstream_took(status: &str, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        metrics.upstream.with_label_values(&[status]).inc();
        metrics.upstream_seconds.observe(elapsed.as_secs_f64());
    }
}

/// A span found no room.
pub fn span_dropped() {
    if let Some(metrics) = METRICS.get() {
        metrics.spans_dropped.inc();
    }
}

/// A request to Harbor is sent again.
pub fn upstream_retried() {
    if let Some(metrics) = METRICS.get() {
        metrics.retries.inc();
    }
}

/// The host refused a request of a component.
pub fn refused(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.refused.with_label_values(&[reason]).inc();
    }
}

/// Why an instance ended.
pub fn instance_ended(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.instances.dec();
        metrics.instances_ended.with_label_values(&[reason]).inc();
    }
}

/// An instance was made; it has to end.
pub fn instance_made() {
    if let Some(metrics) = METRICS.get() {
        metrics.instances.inc();
        metrics.instances_made.inc();
    }
}

/// The bytes of kept answers.
pub fn cache_keeps(bytes: usize) {
    if let Some(metrics) = METRICS.get() {
        metrics.kept_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// A kept answer was dropped to make room.
pub fn cache_evicted() {
    if let Some(metrics) = METRICS.get() {
        metrics.evictions.inc();
    }
}

/// The configuration was read again.
pub fn reloaded(succeeded: bool) {
    let Some(metrics) = METRICS.get() else { return };
    metrics.reloads.with_label_values(&[if succeeded { "success" } else { "failure" }]).inc();
    metrics.reload_succeeded.set(succeeded.into());
    if succeeded {
        metrics.reload_success_time.set(now());
    }
}

/// A gauge that is one higher while this is alive.
struct Raised(Option<&'static IntGauge>);

impl Raised {
    fn new(gauge: Option<&'static IntGauge>) -> Self {
        Self(gauge.inspect(|gauge| gauge.inc()))
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.inspect(|gauge| gauge.dec());
    }
}

/// A request to Harbor, which counts as in flight until this is dropped.
#[must_use]
pub struct UpstreamInFlight(#[expect(dead_code, reason = "it is there to be dropped")] Raised);

impl UpstreamInFlight {
    /// The request begins.
    #[expect(clippy::new_without_default, reason = "it counts, so it is never made in passing")]
    pub fn new() -> Self {
        Self(Raised::new(METRICS.get().map(|metrics| &metrics.upstream_in_flight)))
    }
}

/// A client's connection, which counts as open until this is dropped.
#[must_use]
pub struct OpenConnection(#[expect(dead_code, reason = "it is there to be dropped")] Raised);

impl OpenConnection {
    /// The server accepted the connection.
    pub fn accepted() -> Self {
        METRICS.get().inspect(|metrics| metrics.accepted.inc());
        Self(Raised::new(METRICS.get().map(|metrics| &metrics.connections)))
    }
}
