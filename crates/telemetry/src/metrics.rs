//! Counters and gauges, as Prometheus reads them: plain atomics, so that a request costs some nanoseconds.
//!
//! Before [`start`] nothing is counted. Labels have few values: no paths, and no names from clients or sources.

mod login;
mod probe;
mod process;
mod registry;
mod store;
mod verdicts;

pub use login::LoginOutcome;
pub use probe::{Probe, RuntimeUsage};
pub use store::{CommitOutcome, StorePlace};
pub use verdicts::VerdictRows;

use crate::source::{FailureKind, Source};
use anyhow::Result;
use image_model::protocol;
use image_model::types::Method;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, TextEncoder};
use registry::{CACHE_HIT, Metrics, now};
use std::sync::atomic::{AtomicI64, Ordering};
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
/// When a metric has a name that the format does not allow.
pub fn text() -> Result<String> {
    Ok(TextEncoder::new().encode_to_string(&gather())?)
}

/// Sets the probe that `/metrics` asks from now on, for as long as it lives.
pub fn set_probe(probe: &Arc<dyn Probe>) {
    if let Some(metrics) = METRICS.get() {
        *metrics.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(probe));
    }
}

/// A request that ended.
pub struct EndedRequest<'a> {
    /// The label of its route.
    pub route: &'static str,
    /// Its status, or 499 where the client left before the answer began.
    pub status: &'a str,
    /// The result of the cache, where the request passed the cache.
    pub cache: Option<&'static str>,
    /// From its head to the end of its answer.
    pub elapsed: Duration,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

/// A request began. The caller must report its end.
pub fn request_began() {
    if let Some(metrics) = METRICS.get() {
        metrics.in_flight.inc();
    }
}

/// A request ended.
pub fn request_ended(ended: &EndedRequest<'_>) {
    let Some(metrics) = METRICS.get() else { return };
    metrics.in_flight.dec();
    let labels = (ended.route, ended.status, ended.cache);
    let looked_up;
    let counts = if labels == CACHE_HIT {
        &metrics.hit
    } else {
        // This fails only with a wrong number of labels.
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

/// A listing has got the answer of a source, after this time.
pub fn source_answered(source: Source, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_seconds.with_label_values(&[source.name()]).observe(elapsed.as_secs_f64());
    }
}

/// The rows of a source in the latest listing.
pub fn source_returned(source: Source, rows: u64) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_rows.with_label_values(&[source.name()]).set(rows.cast_signed());
    }
}

/// Nodes and registry were compared.
pub fn rows_judged(verdicts: &VerdictRows<'_>) {
    if let Some(metrics) = METRICS.get() {
        metrics.verdicts.show(verdicts);
    }
}

/// The verdicts so far are those of another configuration.
pub fn forget_verdicts() {
    if let Some(metrics) = METRICS.get() {
        metrics.verdicts.forget();
    }
}

/// A listing of Harbor ended.
pub fn harbor_listed(method: Method) {
    let reason = match method {
        Method::Whole(reason) => protocol::reason_name(reason),
        Method::Changes | Method::Resumed | Method::Kept => "none",
    };
    if let Some(metrics) = METRICS.get() {
        metrics.harbor_listings.with_label_values(&[protocol::method_name(method), reason]).inc();
    }
}

/// A source failed.
pub fn source_failed(source: Source, kind: FailureKind) {
    if let Some(metrics) = METRICS.get() {
        metrics.source_errors.with_label_values(&[source.name(), kind.label()]).inc();
    }
}

/// A request to Harbor has ended.
pub fn upstream_ended(status: &str, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        metrics.upstream.with_label_values(&[status]).inc();
        metrics.upstream_seconds.observe(elapsed.as_secs_f64());
    }
}

/// Sets how many requests to Harbor may be under way now.
pub fn set_upstream_concurrency_limit(limit: usize) {
    if let Some(metrics) = METRICS.get() {
        metrics.upstream_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }
}

/// A span was dropped, because the queue was full.
pub fn span_dropped() {
    if let Some(metrics) = METRICS.get() {
        metrics.spans_dropped.inc();
    }
}

/// The program sends a request to Harbor again.
pub fn upstream_retried() {
    if let Some(metrics) = METRICS.get() {
        metrics.retries.inc();
    }
}

/// The host refused a request of a component.
pub fn component_request_refused(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.refused.with_label_values(&[reason]).inc();
    }
}

/// A login ended.
pub fn login_ended(outcome: LoginOutcome) {
    if let Some(metrics) = METRICS.get() {
        metrics.logins.with_label_values(&[outcome.label()]).inc();
    }
}

/// Something panicked.
pub(crate) fn panicked() {
    if let Some(metrics) = METRICS.get() {
        metrics.panics.inc();
    }
}

/// An instance ended, for this reason.
pub fn instance_ended(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.instances.dec();
        metrics.instances_ended.with_label_values(&[reason]).inc();
    }
}

/// An instance was made. The caller must report its end.
pub fn instance_made() {
    if let Some(metrics) = METRICS.get() {
        metrics.instances.inc();
        metrics.instances_made.inc();
    }
}

/// Sets the bytes of kept answers.
pub fn set_cache_bytes(bytes: usize) {
    if let Some(metrics) = METRICS.get() {
        metrics.kept_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// The cache dropped a kept answer to make room.
pub fn cache_evicted() {
    if let Some(metrics) = METRICS.get() {
        metrics.evictions.inc();
    }
}

/// A component's commit to the store ended.
pub fn store_committed(outcome: CommitOutcome) {
    if let Some(metrics) = METRICS.get() {
        metrics.store_commits.with_label_values(&[outcome.label()]).inc();
    }
}

/// The program set a file of the store aside.
pub fn store_file_set_aside() {
    if let Some(metrics) = METRICS.get() {
        metrics.store_files_set_aside.inc();
    }
}

/// The program read the configuration again.
pub fn reloaded(succeeded: bool) {
    let Some(metrics) = METRICS.get() else { return };
    metrics.reloads.with_label_values(&[if succeeded { "success" } else { "failure" }]).inc();
    metrics.reload_succeeded.set(succeeded.into());
    if succeeded {
        metrics.reload_success_time.set(now());
    }
}

/// Raises a gauge by one until it is dropped.
struct GaugeGuard(Option<&'static IntGauge>);

impl GaugeGuard {
    fn new(gauge: Option<&'static IntGauge>) -> Self {
        Self(gauge.inspect(|gauge| gauge.inc()))
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.inspect(|gauge| gauge.dec());
    }
}

/// A request to Harbor, which counts as in flight until this is dropped.
#[must_use]
pub struct UpstreamInFlight(#[expect(dead_code, reason = "it is there to be dropped")] GaugeGuard);

impl UpstreamInFlight {
    /// The request begins.
    #[expect(clippy::new_without_default, reason = "it counts, so it is never made in passing")]
    pub fn new() -> Self {
        Self(GaugeGuard::new(METRICS.get().map(|metrics| &metrics.upstream_in_flight)))
    }
}

/// A client's connection, which counts as open until this is dropped.
#[must_use]
pub struct OpenConnection(#[expect(dead_code, reason = "it is there to be dropped")] GaugeGuard);

impl OpenConnection {
    /// The server accepted the connection.
    pub fn accepted() -> Self {
        METRICS.get().inspect(|metrics| metrics.accepted.inc());
        Self(GaugeGuard::new(METRICS.get().map(|metrics| &metrics.connections)))
    }
}

/// The server closes so many idle connections, because as many are open as may be.
pub fn connections_gave_way(connections: usize) {
    if let Some(metrics) = METRICS.get() {
        metrics.gave_way.inc_by(connections as u64);
    }
}

/// The bytes that one store keeps. They count in the metric until this is dropped, beside those of other stores: after a reload
/// there may be two for a while.
#[derive(Debug)]
pub struct StoreBytes {
    place: StorePlace,
    bytes: AtomicI64,
}

impl StoreBytes {
    /// None so far.
    pub const fn new(place: StorePlace) -> Self {
        Self { place, bytes: AtomicI64::new(0) }
    }

    /// The store keeps so many now.
    pub fn set(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        if let Some(metrics) = METRICS.get() {
            metrics.store_bytes.with_label_values(&[self.place.label()]).add(bytes.saturating_sub(before));
        }
    }
}

impl Drop for StoreBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}
