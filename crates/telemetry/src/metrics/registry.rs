//! Every metric, by its name and labels.

use super::login::LoginOutcome;
use super::probe::Probe;
use super::process;
use super::store::{CommitOutcome, StorePlace};
use super::verdicts::Verdicts;
use crate::log;
use crate::source::Source;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

/// Buckets in seconds: from a kept answer to a large registry.
const BUCKETS: [f64; 14] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The route and the status of a request, and the result of the cache where the request passed it.
pub(super) type Labels<'a> = (&'a str, &'a str, Option<&'a str>);

/// The labels of a kept listing.
pub(super) const CACHE_HIT: Labels<'_> = ("/images", "200", Some("hit"));

/// The metrics that a request changes at its end.
pub(super) struct Counts {
    pub(super) request: IntCounter,
    pub(super) seconds: Histogram,
    pub(super) bytes: IntCounter,
    pub(super) cache: Option<IntCounter>,
}

impl Counts {
    fn of(
        requests: &IntCounterVec,
        seconds: &HistogramVec,
        bytes: &IntCounterVec,
        cache: &IntCounterVec,
        (route, status, result): Labels<'_>,
    ) -> prometheus::Result<Self> {
        Ok(Self {
            request: requests.get_metric_with_label_values(&[route, status])?,
            seconds: seconds.get_metric_with_label_values(&[route])?,
            bytes: bytes.get_metric_with_label_values(&[route])?,
            cache: result.map(|result| cache.get_metric_with_label_values(&[result])).transpose()?,
        })
    }
}

/// All metrics.
pub(super) struct Metrics {
    registry: Registry,
    /// The metrics of a kept listing, looked up once: the program answers so many that each look-up would show.
    pub(super) hit: Counts,
    pub(super) probe: Mutex<Option<Weak<dyn Probe>>>,
    pub(super) requests: IntCounterVec,
    pub(super) request_seconds: HistogramVec,
    pub(super) response_bytes: IntCounterVec,
    pub(super) in_flight: IntGauge,
    pub(super) cache: IntCounterVec,
    pub(super) source_seconds: HistogramVec,
    pub(super) source_rows: IntGaugeVec,
    pub(super) source_errors: IntCounterVec,
    pub(super) verdicts: Verdicts,
    pub(super) harbor_listings: IntCounterVec,
    pub(super) upstream: IntCounterVec,
    pub(super) upstream_seconds: Histogram,
    pub(super) upstream_in_flight: IntGauge,
    pub(super) upstream_limit: IntGauge,
    pub(super) retries: IntCounter,
    pub(super) refused: IntCounterVec,
    pub(super) panics: IntCounter,
    pub(super) instances: IntGauge,
    pub(super) instances_made: IntCounter,
    pub(super) instances_ended: IntCounterVec,
    pub(super) pool: IntGaugeVec,
    pub(super) component_requests: IntGaugeVec,
    pub(super) kept_bytes: IntGauge,
    pub(super) evictions: IntCounter,
    pub(super) store_bytes: IntGaugeVec,
    pub(super) store_commits: IntCounterVec,
    pub(super) store_files_set_aside: IntCounter,
    pub(super) connections: IntGauge,
    pub(super) accepted: IntCounter,
    pub(super) gave_way: IntCounter,
    pub(super) logins: IntCounterVec,
    pub(super) log_dropped: IntCounter,
    pub(super) spans_dropped: IntCounter,
    pub(super) reloads: IntCounterVec,
    pub(super) reload_succeeded: IntGauge,
    pub(super) reload_success_time: Gauge,
    process: process::Gauges,
}

/// Makes metrics and registers them.
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
    pub(super) fn new() -> prometheus::Result<Self> {
        let make = Maker(Registry::new());
        let build = make.add(GaugeVec::new(
            opts("build_info", "Always 1; the label is the version of the program."),
            &["version"],
        ))?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let requests = make.counters(
            "requests_total",
            "Requests that ended, by route and status; status 499: the client left before the answer.",
            &["route", "status"],
        )?;
        let request_seconds = make.histograms(
            "request_duration_seconds",
            "Time from the head of a request to the end of its answer.",
            &["route"],
        )?;
        let response_bytes = make.counters("response_bytes_total", "Bytes of the bodies of answers.", &["route"])?;
        let cache = make.counters("cache_requests_total", "Requests by the result of the cache.", &["result"])?;
        let metrics = Self {
            probe: Mutex::default(),
            hit: Counts::of(&requests, &request_seconds, &response_bytes, &cache, CACHE_HIT)?,
            requests,
            request_seconds,
            response_bytes,
            in_flight: make.gauge("requests_in_flight", "Requests that have not ended.")?,
            cache,
            source_seconds: make.histograms(
                "source_duration_seconds",
                "Time that a source took for a listing; for Harbor, from the first request to the last answer.",
                &["source"],
            )?,
            source_rows: make.gauges("source_rows", "Rows of each source in the latest listing.", &["source"])?,
            source_errors: make.counters(
                "source_errors_total",
                "Failures of a source, by kind.",
                &["source", "kind"],
            )?,
            verdicts: Verdicts::new(
                make.gauges("verdict_rows", "Rows by verdict; absent when nobody looked for a while.", &["verdict"])?,
                make.add(GaugeVec::new(
                    opts(
                        "verdict_timestamp_seconds",
                        "Time of the oldest rows that the verdicts are about, in seconds since 1970.",
                    ),
                    &[],
                ))?,
            ),
            harbor_listings: make.counters(
                "harbor_listings_total",
                "Listings of Harbor for /images and at the start, by how they came to their rows and, for whole ones, why.",
                &["method", "reason"],
            )?,
            upstream: make.counters(
                "upstream_requests_total",
                "Requests to Harbor, by the status of the answer; status none: no answer.",
                &["status"],
            )?,
            upstream_seconds: make.add(Histogram::with_opts(
                HistogramOpts::from(opts(
                    "upstream_request_duration_seconds",
                    "Time from a request to Harbor to its answer.",
                ))
                .buckets(BUCKETS.into()),
            ))?,
            upstream_in_flight: make.gauge("upstream_requests_in_flight", "Requests to Harbor under way.")?,
            upstream_limit: make.gauge(
                "upstream_concurrency_limit",
                "Most requests to Harbor that the program has under way now: fewer than configured while Harbor is in trouble.",
            )?,
            retries: make.counter("upstream_retries_total", "Requests to Harbor that the program sent again.")?,
            refused: make.counters(
                "refused_total",
                "Requests of components that the host refused, by reason.",
                &["reason"],
            )?,
            panics: make.counter("panics_total", "Panics, which are bugs of the program; the log has each of them.")?,
            instances: make.gauge("instances", "Instances of the composition that exist.")?,
            instances_made: make.counter("instances_made_total", "Instances of the composition that were made.")?,
            instances_ended: make.counters("instances_ended_total", "Instances that ended, by reason.", &["reason"])?,
            pool: make.gauges("pool_used", "Used slots of the instance pool, by kind.", &["kind"])?,
            component_requests: make.gauges(
                "component_requests",
                "Requests that run in components, or wait for a free slot.",
                &["state"],
            )?,
            kept_bytes: make.gauge("cache_kept_bytes", "Bytes of kept answers.")?,
            evictions: make.counter("cache_evictions_total", "Kept answers that the cache dropped to make room.")?,
            store_bytes: make.gauges("store_kept_bytes", "Bytes that the store keeps for components, by place.", &["place"])?,
            store_commits: make.counters(
                "store_commits_total",
                "Commits of components to the store, by outcome; outcome conflict: another commit was quicker.",
                &["outcome"],
            )?,
            store_files_set_aside: make.counter(
                "store_files_set_aside_total",
                "Files of the store that the program renamed because they can't be used, and began anew.",
            )?,
            connections: make.gauge("connections", "Open connections of clients.")?,
            accepted: make.counter("connections_total", "Connections of clients that the server accepted.")?,
            gave_way: make.counter(
                "connections_gave_way_total",
                "Idle connections that the server closed, because as many were open as may be.",
            )?,
            logins: make.counters("logins_total", "Logins of browsers, by outcome.", &["outcome"])?,
            spans_dropped: make.counter(
                "spans_dropped_total",
                "Spans that were dropped, because the collector took them too slowly.",
            )?,
            log_dropped: make.counter(
                "log_lines_dropped_total",
                "Lines of the log that were lost, because their place was too slow or did not take them.",
            )?,
            reloads: make.counters(
                "config_reloads_total",
                "Reloads of the configuration, by outcome.",
                &["outcome"],
            )?,
            reload_succeeded: make.gauge(
                "config_last_reload_successful",
                "1 if the latest reading of the configuration succeeded, else 0.",
            )?,
            reload_success_time: make.add(Gauge::with_opts(opts(
                "config_last_reload_success_timestamp_seconds",
                "Time when the program read the configuration in use, in seconds since 1970.",
            )))?,
            process: process::Gauges::new(&make.0)?,
            registry: make.0.clone(),
        };
        metrics.create_zeros();
        Ok(metrics)
    }

    /// The metrics of a request with these labels.
    pub(super) fn counts(&self, labels: Labels<'_>) -> prometheus::Result<Counts> {
        Counts::of(&self.requests, &self.request_seconds, &self.response_bytes, &self.cache, labels)
    }

    /// Creates metrics at 0 before the first event, so that the first event shows as a rise.
    fn create_zeros(&self) {
        for reason in ["idle", "trap", "timeout", "memory"] {
            self.instances_ended.with_label_values(&[reason]);
        }
        for outcome in ["success", "failure"] {
            self.reloads.with_label_values(&[outcome]);
        }
        for result in ["hit", "stale", "miss", "collapsed", "bypass"] {
            self.cache.with_label_values(&[result]);
        }
        for outcome in LoginOutcome::ALL {
            self.logins.with_label_values(&[outcome.label()]);
        }
        for place in StorePlace::ALL {
            self.store_bytes.with_label_values(&[place.label()]);
        }
        for outcome in CommitOutcome::ALL {
            self.store_commits.with_label_values(&[outcome.label()]);
        }
        for source in Source::ALL {
            self.source_seconds.with_label_values(&[source.name()]);
        }
        self.requests.with_label_values(&["/images", "200"]);
        self.request_seconds.with_label_values(&["/images"]);
        self.reload_succeeded.set(1);
        self.reload_success_time.set(now());
    }

    /// All metrics at this moment.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Weak::upgrade);
        if let Some(usage) = probe.map(|probe| probe.usage()) {
            for (kind, used) in usage.pool.into_iter().flatten() {
                self.pool.with_label_values(&[kind]).set(used.cast_signed());
            }
            for (state, number) in [("working", usage.running), ("waiting", usage.waiting)] {
                self.component_requests.with_label_values(&[state]).set(number.cast_signed() as i64);
            }
        }
        self.verdicts.expire();
        self.log_dropped.inc_by(log::dropped().saturating_sub(self.log_dropped.get()));
        self.process.refresh();
        self.registry.gather()
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
