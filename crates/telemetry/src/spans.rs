//! Spans of requests, and of the questions to sources that they cause, for a collector of traces.

use crate::otlp::{self, Span};
pub use crate::otlp::{Kind, Outcome};
use crate::trace_context::TraceContext;
use http::{Method, StatusCode};
use std::time::{Duration, Instant, SystemTime};

/// Decides whether a request's trace is recorded. Without a collector, the client's decision goes on as it is.
pub fn sample(trace: &mut TraceContext) {
    let parent = trace.parent.map(|_| trace.is_sampled());
    if let Some(sampled) = otlp::samples(trace.id.0, parent) {
        trace.record(sampled);
    }
}

/// When something began that is over now.
fn begun(took: Duration) -> SystemTime {
    SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A request ended; nothing where its client left before an answer.
pub fn request(trace: &TraceContext, method: &Method, route: &str, status: Option<StatusCode>, took: Duration) {
    if !trace.is_recorded() {
        return;
    }
    let outcome = match status {
        None => Outcome::Failed("the client left before the answer".to_owned()),
        Some(status) if status.is_server_error() => Outcome::Failed(String::new()),
        Some(_) => Outcome::Well,
    };
    otlp::tell(Span {
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

/// A span inside a request: a source, or a request to it.
pub struct Part<'a> {
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

/// A part ended.
pub fn part(part: Part<'_>) {
    let took = part.since.elapsed();
    otlp::tell(Span {
        trace: part.trace.id.0,
        id: part.id,
        parent: Some(part.parent),
        state: part.trace.state(),
        name: part.name,
        kind: part.kind,
        begun: begun(took),
        took,
        attributes: part.attributes,
        status: part.status,
        outcome: part.outcome,
    });
}
