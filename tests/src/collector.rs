//! A double of an OpenTelemetry collector: takes OTLP over HTTP and keeps what it is told.

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Messages of OTLP as far as tests look at them, with the numbers of opentelemetry-proto 1.x.
mod wire {
    use prost::{Message, Oneof};

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Any {
        #[prost(oneof = "Value", tags = "1, 3")]
        pub(super) value: Option<Value>,
    }

    #[derive(Clone, PartialEq, Oneof)]
    pub(super) enum Value {
        #[prost(string, tag = "1")]
        Text(String),
        #[prost(int64, tag = "3")]
        Int(i64),
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Pair {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(message, optional, tag = "2")]
        pub(super) value: Option<Any>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Resource {
        #[prost(message, repeated, tag = "1")]
        pub(super) attributes: Vec<Pair>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Traces {
        #[prost(message, repeated, tag = "1")]
        pub(super) resources: Vec<ResourceSpans>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct ResourceSpans {
        #[prost(message, optional, tag = "1")]
        pub(super) resource: Option<Resource>,
        #[prost(message, repeated, tag = "2")]
        pub(super) scopes: Vec<ScopeSpans>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct ScopeSpans {
        #[prost(message, repeated, tag = "2")]
        pub(super) spans: Vec<Span>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Span {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) trace: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) id: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        pub(super) parent: Vec<u8>,
        #[prost(string, tag = "5")]
        pub(super) name: String,
        #[prost(int32, tag = "6")]
        pub(super) kind: i32,
        #[prost(fixed64, tag = "7")]
        pub(super) begun: u64,
        #[prost(fixed64, tag = "8")]
        pub(super) ended: u64,
        #[prost(message, repeated, tag = "9")]
        pub(super) attributes: Vec<Pair>,
        #[prost(message, optional, tag = "15")]
        pub(super) status: Option<Status>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Status {
        #[prost(string, tag = "2")]
        pub(super) message: String,
        #[prost(int32, tag = "3")]
        pub(super) code: i32,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Metrics {
        #[prost(message, repeated, tag = "1")]
        pub(super) resources: Vec<ResourceMetrics>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct ResourceMetrics {
        #[prost(message, repeated, tag = "2")]
        pub(super) scopes: Vec<ScopeMetrics>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct ScopeMetrics {
        #[prost(message, repeated, tag = "2")]
        pub(super) metrics: Vec<Metric>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Metric {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, optional, tag = "7")]
        pub(super) sum: Option<Sum>,
        #[prost(message, optional, tag = "9")]
        pub(super) histogram: Option<Histogram>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Sum {
        #[prost(message, repeated, tag = "1")]
        pub(super) points: Vec<Point>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Point {
        #[prost(double, tag = "4")]
        pub(super) value: f64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Histogram {
        #[prost(message, repeated, tag = "1")]
        pub(super) points: Vec<HistogramPoint>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct HistogramPoint {
        #[prost(fixed64, tag = "4")]
        pub(super) count: u64,
        #[prost(fixed64, repeated, tag = "6")]
        pub(super) buckets: Vec<u64>,
        #[prost(double, repeated, tag = "7")]
        pub(super) bounds: Vec<f64>,
    }
}

/// A span that the collector was told.
#[derive(Clone, Debug)]
pub struct CollectedSpan {
    /// 32 hexadecimal digits.
    pub trace: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// 16 hexadecimal digits, or nothing.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// 1 within the program, 2 of a server, 3 of a client.
    pub kind: i32,
    /// Nanoseconds.
    pub took: u64,
    /// What is said of it.
    pub attributes: BTreeMap<String, String>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// What the collector was told so far.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// All spans.
    pub spans: Vec<CollectedSpan>,
    /// What is said of who sent them.
    pub resource: BTreeMap<String, String>,
    /// The latest sums, by name, all labels together.
    pub sums: BTreeMap<String, f64>,
    /// The latest counts of histograms, by name, all labels together; each with as many buckets as it should.
    pub counts: BTreeMap<String, u64>,
    /// The headers of the latest request.
    pub headers: HeaderMap,
    /// Requests, those that were not taken too.
    pub requests: usize,
}

/// The double. It ends with the test's runtime.
pub struct Collector {
    /// Its address.
    pub url: String,
    collected: watch::Receiver<Collected>,
}

struct Double {
    collected: watch::Sender<Collected>,
    /// How many requests are still answered 503.
    unwilling: AtomicUsize,
}

impl Collector {
    /// Starts it; so many requests are answered 503 first.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(unwilling: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (sender, collected) = watch::channel(Collected::default());
        let double = Arc::new(Double { collected: sender, unwilling: AtomicUsize::new(unwilling) });
        let router = Router::new().fallback(take).with_state(double);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, collected })
    }

    /// What it was told so far.
    pub fn collected(&self) -> Collected {
        self.collected.borrow().clone()
    }
}

async fn take(State(double): State<Arc<Double>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let less = |left: usize| left.checked_sub(1);
    let unwilling = double.unwilling.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
    double.collected.send_modify(|collected| collected.requests += 1);
    if unwilling {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let taken = double.collected.send_if_modified(|collected| {
        collected.headers = headers;
        match uri.path() {
            "/v1/traces" => wire::Traces::decode(body).map(|traces| collected.add(traces)).is_ok(),
            "/v1/metrics" => wire::Metrics::decode(body).map(|metrics| collected.replace(metrics)).is_ok(),
            _ => false,
        }
    });
    if taken { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

impl Collected {
    fn add(&mut self, traces: wire::Traces) {
        for resource in traces.resources {
            self.resource = map(resource.resource.unwrap_or_default().attributes);
            let spans = resource.scopes.into_iter().flat_map(|scope| scope.spans);
            self.spans.extend(spans.map(|span| CollectedSpan {
                trace: hexadecimal(&span.trace),
                id: hexadecimal(&span.id),
                parent: hexadecimal(&span.parent),
                name: span.name,
                kind: span.kind,
                took: span.ended - span.begun,
                attributes: map(span.attributes),
                failure: span.status.filter(|status| status.code == 2).map(|status| status.message),
            }));
        }
    }

    fn replace(&mut self, metrics: wire::Metrics) {
        let scopes = metrics.resources.into_iter().flat_map(|resource| resource.scopes);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            if let Some(sum) = metric.sum {
                self.sums.insert(metric.name, sum.points.iter().map(|point| point.value).sum());
            } else if let Some(histogram) = metric.histogram {
                let sound = |point: &&wire::HistogramPoint| {
                    point.buckets.len() == point.bounds.len() + 1 && point.buckets.iter().sum::<u64>() == point.count
                };
                let counts = histogram.points.iter().filter(sound).map(|point| point.count);
                self.counts.insert(metric.name, counts.sum());
            }
        }
    }
}

fn map(pairs: Vec<wire::Pair>) -> BTreeMap<String, String> {
    let text = |value: Option<wire::Any>| match value.and_then(|value| value.value) {
        Some(wire::Value::Text(text)) => text,
        Some(wire::Value::Int(number)) => number.to_string(),
        None => String::new(),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
