//! Answers: their bodies, problems in place of answers, and the headers that every answer has.

mod body;
mod problem;
pub(crate) mod security_headers;

pub use body::{Body, BoxBody, BoxError, RequestBody, no_body};
pub use problem::{BUSY, SHORT_OF_MEMORY, busy, not_modified, problem, refuse_unless_read, text};
pub use security_headers::harden;

use futures_util::future::BoxFuture;
use http::Response;

/// An answer that is ready, or one that takes time. A ready answer needs no boxed future.
pub enum Reply<'a> {
    /// The answer.
    Now(Response<Body>),
    /// The future that makes it.
    Later(BoxFuture<'a, Response<Body>>),
}
