//! Spans of requests to the program, and of its requests to sources, for a collector of traces.

use crate::otlp::{self, Span};
pub use crate::otlp::{Kind, Outcome};
use crate::trace_context::TraceContext;
use http::{Method, StatusCode};
use std::time::{Duration, Instant, SystemTime};

/// Decides whether to record the trace of a request. Without a collector, the client's decision stays.
pub fn sample(trace: &mut TraceContext) {
    let parent = trace.parent.map(|_| trace.is_sampled());
    if let Some(sampled) = otlp::samples(trace.id.0, parent) {
        trace.record(sampled);
    }
}

/// The time when something began that ends now and took this long.
fn begun(took: Duration) -> SystemTime {
    SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A request ended. `status` is `None` where its client left before the answer.
pub fn request_ended(trace: &TraceContext, method: &Method, route: &str, status: Option<StatusCode>, took: Duration) {
    if !trace.is_recorded() {
        return;
    }
    let outcome = match status {
        None => Outcome::Failed("the client left before the answer".to_owned()),
        Some(status) if status.is_server_error() => Outcome::Failed(String::new()),
        Some(_) => Outcome::Success,
    };
    otlp::queue(Span {
        trace: trace.id.0,
        id: trace.span,
        parent: trace.parent,
        state: trace.state(),
        name: format!("{method} {route}"),
        kind: Kind::Server,
        begun: begun(took),
        took,
        attributes: vec![("http.request.method", method.to_string()), ("http.route", route.to_owned())],
        status: status.map(|status| status.as_u16()),
        outcome,
    });
}

/// A span inside a request: a source, or a request to a source.
pub struct ChildSpan<'a> {
    /// The trace of the request.
    pub trace: &'a TraceContext,
    /// The id of this span.
    pub id: u64,
    /// The id of the span around it.
    pub parent: u64,
    /// Its name.
    pub name: String,
    /// Whose side of an exchange it is.
    pub kind: Kind,
    /// When it began.
    pub since: Instant,
    /// Further attributes.
    pub attributes: Vec<(&'static str, String)>,
    /// The status of an HTTP answer.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
}

/// A span inside a request ended.
pub fn child_ended(span: ChildSpan<'_>) {
    let took = span.since.elapsed();
    otlp::queue(Span {
        trace: span.trace.id.0,
        id: span.id,
        parent: Some(span.parent),
        state: span.trace.state(),
        name: span.name,
        kind: span.kind,
        begun: begun(took),
        took,
        attributes: span.attributes,
        status: span.status,
        outcome: span.outcome,
    });
}
