//! What is counted and measured, as Prometheus reads it: plain atomics, so that a request costs some nanoseconds.
//!
//! Before [`start`] nothing is counted. Labels have few values: no path, no name that comes from outside.

mod registry;

use super::source::Source;
use anyhow::Result;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, TextEncoder};
use registry::{HIT, Metrics, now};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

/// The content type of [`text`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// What is looked at when metrics are read, instead of being counted all the time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Glance {
    /// What of the pool is in use, by what it is; nothing where there is no pool.
    pub(crate) pool: Option<[(&'static str, u64); 5]>,
    /// Requests that components work on.
    pub(crate) working: usize,
    /// Requests that wait for components.
    pub(crate) waiting: usize,
}

/// What can be looked at.
pub(crate) trait Probe: Send + Sync {
    /// Looks.
    fn glance(&self) -> Glance;
}

/// Begins counting, once in the life of the program.
///
/// # Errors
///
/// When a metric is defined wrongly.
pub(crate) fn start() -> Result<()> {
    if METRICS.get().is_none() {
        let _ = METRICS.set(Metrics::new()?);
    }
    Ok(())
}

/// All metrics at this moment.
pub(crate) fn gather() -> Vec<MetricFamily> {
    METRICS.get().map(Metrics::gather).unwrap_or_default()
}

/// All metrics at this moment, in Prometheus' text format.
///
/// # Errors
///
/// When one has a name that the format can't have.
pub(crate) fn text() -> Result<String> {
    Ok(TextEncoder::new().encode_to_string(&gather())?)
}

/// What is looked at from now on, as long as it is there.
pub(crate) fn look_at(probe: &Arc<dyn Probe>) {
    if let Some(metrics) = METRICS.get() {
        *metrics.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(probe));
    }
}

/// A request that ended.
pub(crate) struct Ended<'a> {
    pub(crate) route: &'static str,
    pub(crate) status: &'a str,
    /// What the cache had, where it was asked.
    pub(crate) cache: Option<&'static str>,
    pub(crate) elapsed: Duration,
    pub(crate) bytes: u64,
}

/// A request began; it has to end.
pub(crate) fn request_began() {
    if let Some(metrics) = METRICS.get() {
        metrics.in_flight.inc();
    }
}

/// A request ended.
pub(crate) fn request_ended(ended: &Ended<'_>) {
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
pub(crate) fn source_took(source: Source, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_seconds.with_label_values(&[source.name()]).observe(elapsed.as_secs_f64());
    }
}

/// A listing had so many rows of a source.
pub(crate) fn source_gave(source: Source, rows: u64) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_rows.with_label_values(&[source.name()]).set(rows.cast_signed());
    }
}

/// Something failed at a source.
pub(crate) fn source_failed(source: Source, kind: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_errors.with_label_values(&[source.name(), kind]).inc();
    }
}

/// A request to Harbor has ended.
pub(crate) fn upstream_took(status: &str, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        metrics.upstream.with_label_values(&[status]).inc();
        metrics.upstream_seconds.observe(elapsed.as_secs_f64());
    }
}

/// A span found no room.
pub(crate) fn span_dropped() {
    if let Some(metrics) = METRICS.get() {
        metrics.spans_dropped.inc();
    }
}

/// A request to Harbor is sent again.
pub(crate) fn upstream_retried() {
    if let Some(metrics) = METRICS.get() {
        metrics.retries.inc();
    }
}

/// A component asked for what it may not have.
pub(crate) fn refused(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.refused.with_label_values(&[reason]).inc();
    }
}

/// Why an instance ended.
pub(crate) fn instance_ended(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.instances.dec();
        metrics.instances_ended.with_label_values(&[reason]).inc();
    }
}

/// An instance was made; it has to end.
pub(crate) fn instance_made() {
    if let Some(metrics) = METRICS.get() {
        metrics.instances.inc();
        metrics.instances_made.inc();
    }
}

/// The cache holds so many bytes.
pub(crate) fn cache_keeps(bytes: usize) {
    if let Some(metrics) = METRICS.get() {
        metrics.kept_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// A kept answer was dropped to make room.
pub(crate) fn cache_evicted() {
    if let Some(metrics) = METRICS.get() {
        metrics.evictions.inc();
    }
}

/// The configuration was read again.
pub(crate) fn reloaded(succeeded: bool) {
    let Some(metrics) = METRICS.get() else { return };
    metrics.reloads.with_label_values(&[if succeeded { "success" } else { "failure" }]).inc();
    metrics.reload_succeeded.set(succeeded.into());
    if succeeded {
        metrics.reload_success_time.set(now());
    }
}

/// Counts as long as it is there.
#[must_use]
pub(crate) struct Counted(Option<&'static IntGauge>);

impl Counted {
    fn up(gauge: Option<&'static IntGauge>) -> Self {
        gauge.inspect(|gauge| gauge.inc());
        Self(gauge)
    }

    /// A request to Harbor.
    pub(crate) fn upstream() -> Self {
        Self::up(METRICS.get().map(|metrics| &metrics.upstream_in_flight))
    }

    /// A client's connection.
    pub(crate) fn connection() -> Self {
        METRICS.get().inspect(|metrics| metrics.accepted.inc());
        Self::up(METRICS.get().map(|metrics| &metrics.connections))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.inspect(|gauge| gauge.dec());
    }
}
