//! A handler that connects to its own machine, and answers with the outcome.

#![forbid(unsafe_code)]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(_: Request) -> Response<FullBody<Bytes>> {
    let connected = std::net::TcpStream::connect("127.0.0.1:22").map(|_| "connected".to_owned());
    Response::new(FullBody::new(Bytes::from(connected.unwrap_or_else(|error| error.to_string()))))
}
