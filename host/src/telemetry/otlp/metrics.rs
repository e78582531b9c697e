//! All metrics for a collector: the same that `/metrics` gives, every so often.

use super::post::Post;
use super::proto;
use super::proto::AggregationTemporality::Cumulative;
use super::proto::metric::Data;
use super::proto::number_data_point::Value;
use super::traces::{described, nanoseconds, scope, text};
use crate::telemetry::metrics;
use prometheus::proto::{LabelPair, MetricFamily, MetricType};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Sends them every so often, and a last time when it is ended.
pub(super) async fn send(
    post: Post,
    resource: Vec<(String, String)>,
    interval: Duration,
    mut ended: watch::Receiver<bool>,
) {
    let begun = nanoseconds(SystemTime::now());
    loop {
        let is_end = tokio::select! {
            () = tokio::time::sleep(interval) => false,
            _ = ended.wait_for(|ended| *ended) => true,
        };
        let now = nanoseconds(SystemTime::now());
        let metrics = metrics::gather().iter().map(|family| metric(family, begun, now)).collect();
        let scope_metrics = proto::ScopeMetrics { scope: Some(scope()), metrics };
        let resource_metrics =
            proto::ResourceMetrics { resource: Some(described(&resource)), scope_metrics: vec![scope_metrics] };
        post.send(&proto::ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }).await;
        if is_end {
            return;
        }
    }
}

fn metric(family: &MetricFamily, begun: u64, now: u64) -> proto::Metric {
    let point = |labels: &[LabelPair], value: f64| proto::NumberDataPoint {
        start_time_unix_nano: begun,
        time_unix_nano: now,
        value: Some(Value::AsDouble(value)),
        attributes: attributes(labels),
    };
    let each = family.get_metric().iter();
    let data = match family.get_field_type() {
        MetricType::COUNTER => Data::Sum(proto::Sum {
            data_points: each.map(|metric| point(metric.get_label(), metric.get_counter().get_value())).collect(),
            aggregation_temporality: Cumulative.into(),
            is_monotonic: true,
        }),
        MetricType::HISTOGRAM => Data::Histogram(proto::Histogram {
            data_points: each
                .map(|metric| {
                    let histogram = metric.get_histogram();
                    let mut below = 0;
                    // Prometheus counts all that is below a bound; here each bucket stands for itself.
                    let mut counts: Vec<u64> = histogram
                        .get_bucket()
                        .iter()
                        .map(|bucket| {
                            bucket.cumulative_count() - std::mem::replace(&mut below, bucket.cumulative_count())
                        })
                        .collect();
                    counts.push(histogram.get_sample_count().saturating_sub(below));
                    proto::HistogramDataPoint {
                        start_time_unix_nano: begun,
                        time_unix_nano: now,
                        count: histogram.get_sample_count(),
                        sum: Some(histogram.get_sample_sum()),
                        bucket_counts: counts,
                        explicit_bounds: histogram.get_bucket().iter().map(|bucket| bucket.upper_bound()).collect(),
                        attributes: attributes(metric.get_label()),
                    }
                })
                .collect(),
            aggregation_temporality: Cumulative.into(),
        }),
        _ => Data::Gauge(proto::Gauge {
            data_points: each.map(|metric| point(metric.get_label(), metric.get_gauge().get_value())).collect(),
        }),
    };
    proto::Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        unit: unit(family.name()).to_owned(),
        data: Some(data),
    }
}

/// As the names say it (UCUM).
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name {
        _ if name.ends_with("_seconds") => "s",
        _ if name.ends_with("_bytes") => "By",
        _ => "1",
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<proto::KeyValue> {
    labels.iter().map(|label| text(label.name(), label.value().to_owned())).collect()
}
