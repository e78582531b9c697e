//! What is counted and measured, as Prometheus reads it: plain atomics, so that a request costs some nanoseconds.
//!
//! Before [`start`] nothing is counted. Labels have few values: no path, no name that comes from outside.

use super::source::Source;
use super::{log, process};
use anyhow::Result;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The content type of [`text`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Seconds: from a kept answer to a large registry.
const BUCKETS: [f64; 14] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

static METRICS: OnceLock<Metrics> = OnceLock::new();

struct Metrics {
    registry: Registry,
    probe: Mutex<Option<Weak<dyn Probe>>>,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    response_bytes: IntCounterVec,
    in_flight: IntGauge,
    cache: IntCounterVec,
    source_seconds: HistogramVec,
    source_rows: IntGaugeVec,
    source_errors: IntCounterVec,
    upstream: IntCounterVec,
    upstream_seconds: Histogram,
    upstream_in_flight: IntGauge,
    #[allow(dead_code, reason = "for retries")]
    retries: IntCounter,
    instances: IntGauge,
    instances_made: IntCounter,
    instances_ended: IntCounterVec,
    pool: IntGaugeVec,
    turns: IntGaugeVec,
    kept_bytes: IntGauge,
    evictions: IntCounter,
    connections: IntGauge,
    accepted: IntCounter,
    log_dropped: IntCounter,
    spans_dropped: IntCounter,
    reloads: IntCounterVec,
    reload_succeeded: IntGauge,
    reload_success_time: Gauge,
    process: process::Gauges,
}

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

/// Makes what registers itself.
struct Maker(Registry);

impl Maker {
    fn add<C: Collector + Clone + 'static>(&self, collector: prometheus::Result<C>) -> prometheus::Result<C> {
        let collector = collector?;
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::with_opts(opts(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(opts(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::with_opts(opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(opts(name, help), labels))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<HistogramVec> {
        self.add(HistogramVec::new(HistogramOpts::from(opts(name, help)).buckets(BUCKETS.into()), labels))
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("image_service")
}

impl Metrics {
    fn new() -> prometheus::Result<Self> {
        let make = Maker(Registry::new());
        let build = make.add(GaugeVec::new(opts("build_info", "1, with what was built."), &["version"]))?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let metrics = Self {
            probe: Mutex::default(),
            requests: make.counters(
                "requests_total",
                "Requests that ended, by route and status; 499: the client left.",
                &["route", "status"],
            )?,
            request_seconds: make.histograms(
                "request_duration_seconds",
                "From a request's head to the end of its answer.",
                &["route"],
            )?,
            response_bytes: make.counters("response_bytes_total", "Bytes of answers' bodies.", &["route"])?,
            in_flight: make.gauge("requests_in_flight", "Requests that have not ended.")?,
            cache: make.counters("cache_requests_total", "Requests by what the cache had.", &["result"])?,
            source_seconds: make.histograms(
                "source_duration_seconds",
                "How long a source took, Harbor from the first request of a listing to the last answer.",
                &["source"],
            )?,
            source_rows: make.gauges("source_rows", "Rows in the latest listing.", &["source"])?,
            source_errors: make.counters(
                "source_errors_total",
                "What failed at a source, by kind.",
                &["source", "kind"],
            )?,
            upstream: make.counters(
                "upstream_requests_total",
                "Requests to Harbor by the status of its answer; none: there was none.",
                &["status"],
            )?,
            upstream_seconds: make.add(Histogram::with_opts(
                HistogramOpts::from(opts("upstream_request_duration_seconds", "How long requests to Harbor took."))
                    .buckets(BUCKETS.into()),
            ))?,
            upstream_in_flight: make.gauge("upstream_requests_in_flight", "Requests to Harbor that are waited for.")?,
            retries: make.counter("upstream_retries_total", "Requests to Harbor that were sent again.")?,
            instances: make.gauge("instances", "Instances of the composition.")?,
            instances_made: make.counter("instances_made_total", "Instances that were made.")?,
            instances_ended: make.counters("instances_ended_total", "Instances that ended, by reason.", &["reason"])?,
            pool: make.gauges("pool_used", "What is in use of the pool that instances are made of.", &["kind"])?,
            turns: make.gauges(
                "component_requests",
                "Requests that components work on or that wait for them.",
                &["state"],
            )?,
            kept_bytes: make.gauge("cache_kept_bytes", "Bytes of kept answers.")?,
            evictions: make.counter("cache_evictions_total", "Kept answers that were dropped to make room.")?,
            connections: make.gauge("connections", "Connections of clients that are open.")?,
            accepted: make.counter("connections_total", "Connections of clients that were accepted.")?,
            spans_dropped: make
                .counter("spans_dropped_total", "Spans that could not be sent to the collector fast enough.")?,
            log_dropped: make
                .counter("log_lines_dropped_total", "Lines of the log that could not be written fast enough.")?,
            reloads: make.counters(
                "config_reloads_total",
                "Readings of the configuration after the first, by outcome.",
                &["outcome"],
            )?,
            reload_succeeded: make
                .gauge("config_last_reload_successful", "Whether the latest reading of the configuration succeeded.")?,
            reload_success_time: make.add(Gauge::with_opts(opts(
                "config_last_reload_success_timestamp_seconds",
                "When the configuration that counts was read.",
            )))?,
            process: process::Gauges::new(&make.0)?,
            registry: make.0.clone(),
        };
        metrics.begin();
        Ok(metrics)
    }

    /// What is to be there as 0 before it happens, so that its first time shows as a rise.
    fn begin(&self) {
        for reason in ["idle", "trap", "timeout", "memory"] {
            self.instances_ended.with_label_values(&[reason]);
        }
        for outcome in ["success", "failure"] {
            self.reloads.with_label_values(&[outcome]);
        }
        for result in ["hit", "stale", "miss", "collapsed", "bypass"] {
            self.cache.with_label_values(&[result]);
        }
        for source in Source::ALL {
            self.source_seconds.with_label_values(&[source.name()]);
        }
        self.requests.with_label_values(&["/images", "200"]);
        self.request_seconds.with_label_values(&["/images"]);
        self.reload_succeeded.set(1);
        self.reload_success_time.set(now());
    }

    fn gather(&self) -> Vec<MetricFamily> {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Weak::upgrade);
        if let Some(glance) = probe.map(|probe| probe.glance()) {
            for (kind, used) in glance.pool.into_iter().flatten() {
                self.pool.with_label_values(&[kind]).set(used.cast_signed());
            }
            for (state, number) in [("working", glance.working), ("waiting", glance.waiting)] {
                self.turns.with_label_values(&[state]).set(number.cast_signed() as i64);
            }
        }
        self.log_dropped.inc_by(log::dropped().saturating_sub(self.log_dropped.get()));
        self.process.look();
        self.registry.gather()
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
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
    metrics.requests.with_label_values(&[ended.route, ended.status]).inc();
    metrics.request_seconds.with_label_values(&[ended.route]).observe(ended.elapsed.as_secs_f64());
    metrics.response_bytes.with_label_values(&[ended.route]).inc_by(ended.bytes);
    if let Some(result) = ended.cache {
        metrics.cache.with_label_values(&[result]).inc();
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
#[allow(dead_code, reason = "for retries")]
pub(crate) fn upstream_retried() {
    if let Some(metrics) = METRICS.get() {
        metrics.retries.inc();
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
