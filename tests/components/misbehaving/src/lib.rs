//! A handler that ends badly where it is told to, reads what it is sent or answers much, and answers everything else.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "what it is for")]

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use spin_sdk::http::{FullBody, Request, Response, box_body};
use spin_sdk::http_service;

type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    let path = request.uri().path();
    match path {
        "/trap" => panic!("told to"),
        "/spin" => spin(),
        "/begin-and-spin" => begun(async || spin()),
        "/begin-and-stall" => begun(async || wasip3::clocks::monotonic_clock::wait_for(u64::MAX).await),
        "/begin-and-trap" => begun(async || panic!("told to, in the midst of an answer")),
        "/allocate" => allocate(),
        "/hoard" => hoard(),
        "/talk" => {
            for number in 0..100_000 {
                eprintln!("line {number}");
            }
            whole("talked")
        }
        "/read" => {
            let read = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
            whole(read.to_string())
        }
        "/much" => whole(vec![b'x'; 32 << 20]),
        _ => whole("well"),
    }
}

fn whole(body: impl Into<Bytes>) -> Response<Body> {
    Response::new(box_body(FullBody::new(body.into())))
}

/// Never lets go of the processor.
fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// An answer whose first bytes are sent before this happens.
fn begun(then: impl AsyncFnOnce() + 'static) -> Response<Body> {
    let (mut frames, receiver) = mpsc::channel(0);
    wit_bindgen::spawn(async move {
        let _ = frames.send(Frame::data(Bytes::from_static(b"begun"))).await;
        // The first frame has left when there is room for a second one.
        let _ = frames.send(Frame::data(Bytes::from_static(b"..."))).await;
        then().await;
    });
    Response::new(box_body(StreamBody::new(receiver.map(Ok::<_, anyhow::Error>))))
}

/// Takes memory without end.
fn allocate() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 1024 * 1024]);
        std::hint::black_box(&all);
    }
}

/// Keeps what the host holds for a component without end: lists of headers.
fn hoard() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(wasip3::http::types::Fields::new());
        std::hint::black_box(&all);
    }
}
