//! The HTTP server of all doubles: one connection, HTTP/1.1 or HTTP/2, whichever the client begins with.

use futures::Stream;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::future::Future;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// A double's answer.
pub(crate) type Response = http::Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Answers the requests of a connection until it ends.
pub(crate) fn serve_connection<S, A, F, B, E>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Fn(http::Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Result<http::Response<B>, E>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    tokio::spawn(async move {
        let service = hyper::service::service_fn(answer);
        // A connection that breaks is what some tests are about.
        let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    });
}

/// An answer of this content type that is whole.
pub(crate) fn whole(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    with_type(content_type, Full::new(body.into()).map_err(|never| match never {}).boxed_unsync())
}

/// An answer of this content type whose bytes come one after another.
pub(crate) fn streamed<S>(content_type: &'static str, chunks: S) -> Response
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    use futures::StreamExt;
    with_type(content_type, StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync())
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = http::Response::new(Full::default().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn with_type(content_type: &'static str, body: UnsyncBoxBody<Bytes, io::Error>) -> Response {
    let mut response = http::Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
