//! A handler that answers `/NUMBER` with so many bytes at once. It shows the cost of a component that does nothing.

#![forbid(unsafe_code)]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

allocator::install!();

#[http_service]
async fn handle(request: Request) -> Response<FullBody<Bytes>> {
    let length = request.uri().path().trim_start_matches('/').parse().unwrap_or_default();
    Response::new(FullBody::new(Bytes::from(vec![b'x'; length])))
}
