//! A handler that ends badly where it is told to, reads what it is sent or answers much, and answers everything else.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "what it is for")]

use bytes::Bytes;
use http_body_util::BodyExt;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Response<FullBody<Bytes>> {
    match request.uri().path() {
        "/trap" => panic!("told to"),
        "/spin" => loop {
            std::hint::spin_loop();
        },
        "/read" => {
            let read = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
            Response::new(FullBody::new(read.to_string().into()))
        }
        "/much" => Response::new(FullBody::new(vec![b'x'; 32 << 20].into())),
        _ => Response::new(FullBody::new(Bytes::from_static(b"well"))),
    }
}
