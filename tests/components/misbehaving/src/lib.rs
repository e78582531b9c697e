//! A handler that ends badly where it is told to, and answers everything else.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "what it is for")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Response<FullBody<Bytes>> {
    match request.uri().path() {
        "/trap" => panic!("told to"),
        "/spin" => loop {
            std::hint::spin_loop();
        },
        _ => Response::new(FullBody::new(Bytes::from_static(b"well"))),
    }
}
