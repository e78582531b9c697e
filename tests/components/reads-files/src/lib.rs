//! A handler that reads a folder, and answers with the number of its files.

#![forbid(unsafe_code)]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(_: Request) -> Response<FullBody<Bytes>> {
    let found = std::fs::read_dir("/etc").map(|folder| folder.count().to_string());
    Response::new(FullBody::new(Bytes::from(found.unwrap_or_else(|error| error.to_string()))))
}
