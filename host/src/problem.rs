//! Answers of the host itself: short texts, and refusals as problem details (RFC 9457).

use crate::access::harden;
use crate::content::Content;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};

/// An answer with a body that is there already.
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Content> {
    let mut response = Response::new(Content::Whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    harden(response.headers_mut());
    response
}

/// A refusal; `detail` is for people.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response<Content> {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = serde_json::json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    answer(status, "application/problem+json", format!("{body}\n"))
}

/// The refusal of a method, where this path can only be read.
pub(crate) fn unless_read(method: &Method, path: &str) -> Option<Response<Content>> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let detail = format!("{method} can't be used on {path}, which can only be read. Use GET.");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &detail);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}
