//! A double of an OpenTelemetry collector: takes OTLP over HTTP and keeps what it receives.

mod otlp;

use crate::server::{Response, empty, serve_connection};
use crate::timing;
use anyhow::Result;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use otlp::{Pair, Traces, Value};
use prost::Message;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A span that the collector received.
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
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// What the collector received so far.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// All spans.
    pub spans: Vec<CollectedSpan>,
    /// The attributes of the program that sent them.
    pub resource: BTreeMap<String, String>,
    /// The headers of the latest request.
    pub headers: HeaderMap,
    /// Requests, also those that were refused.
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
    refusals: AtomicUsize,
}

impl Collector {
    /// Starts it. It answers so many requests with 503 first.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(refusals: usize) -> Result<Self> {
        timing::measure_this_test();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (sender, collected) = watch::channel(Collected::default());
        let double = Arc::new(Double { collected: sender, refusals: AtomicUsize::new(refusals) });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let double = Arc::clone(&double);
                serve_connection(stream, move |request| {
                    let double = Arc::clone(&double);
                    async move { Ok::<_, Infallible>(double.take(request).await) }
                });
            }
        });
        Ok(Self { url, collected })
    }

    /// What it received so far.
    pub fn collected(&self) -> Collected {
        self.collected.borrow().clone()
    }
}

impl Double {
    async fn take(&self, request: http::Request<Incoming>) -> Response {
        let less = |left: usize| left.checked_sub(1);
        let refuses = self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        self.collected.send_modify(|collected| collected.requests += 1);
        if refuses {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let taken = self.collected.send_if_modified(|collected| {
            collected.headers = head.headers;
            collected.take(head.uri.path(), body)
        });
        empty(if taken { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    }
}

impl Collected {
    /// Whether this was a message for this path.
    fn take(&mut self, path: &str, body: Bytes) -> bool {
        match path {
            "/v1/traces" => Traces::decode(body).map(|traces| self.add(traces)).is_ok(),
            _ => false,
        }
    }

    fn add(&mut self, traces: Traces) {
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
}

fn map(pairs: Vec<Pair>) -> BTreeMap<String, String> {
    let text = |value: Option<otlp::Any>| match value.and_then(|value| value.value) {
        Some(Value::Text(text)) => text,
        Some(Value::Int(number)) => number.to_string(),
        None => String::new(),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
