//! Answers, and their bodies.

#![forbid(unsafe_code)]

use crate::route::{PROBLEM_JSON, Problem};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use spin_sdk::http::{FullBody, HeaderValue, Response, StatusCode, box_body};

pub(crate) type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

/// Bytes of one chunk of a body. Larger chunks take more memory, smaller ones more calls to the host.
pub(crate) const CHUNK_BYTES: usize = 16 * 1024;

pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}

/// A refusal.
pub(crate) fn problem(problem: &Problem) -> Response<Body> {
    let body = box_body(FullBody::new(Bytes::from(problem.body())));
    let mut response = answer(problem.status, PROBLEM_JSON, body);
    if let Some(allow) = problem.allow {
        response.headers_mut().insert("allow", HeaderValue::from_static(allow));
    }
    response
}
