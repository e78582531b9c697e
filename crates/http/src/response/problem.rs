//! Answers that the host makes itself: short documents, and refusals as problem details (RFC 9457).

use super::body::Body;
use super::security_headers::harden;
use crate::routes::only_reads;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Response, StatusCode};

/// An answer with a short body.
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Full(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    harden(response.headers_mut());
    response
}

/// The answer 304, for a client that already has the document.
pub fn not_modified() -> Response<Body> {
    let mut response = text(StatusCode::NOT_MODIFIED, "", "");
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// A refusal; `detail` is a sentence for people.
pub fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = serde_json::json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    text(status, "application/problem+json", image_model::json::text(&body) + "\n")
}

/// Why a request is refused that is one too many.
pub const BUSY: &str = "Too many requests are under way; try again.";
/// Why a request is refused for which there is no memory.
pub const SHORT_OF_MEMORY: &str = "The program has no memory for another request at present; try again.";

/// The refusal of a request that is one too many. The client may send it again soon.
pub fn busy(detail: &str) -> Response<Body> {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The refusal of a method that does more than read, on a path that only allows reading.
pub fn refuse_unless_read(method: &Method, path: &str) -> Option<Response<Body>> {
    if only_reads(method) {
        return None;
    }
    let detail = format!("{method} can't be used on {path}, which can only be read. Use GET.");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &detail);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}
