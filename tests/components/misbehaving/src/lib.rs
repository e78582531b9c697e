//! A handler that misbehaves as the path tells it, and answers all other paths.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "its purpose")]

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use spin_sdk::http::{FullBody, HeaderMap, HeaderName, HeaderValue, Request, Response, box_body};
use spin_sdk::http_service;

type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    let path = request.uri().path();
    match path {
        "/trap" => panic!("told to"),
        "/spin" => spin(),
        "/begin-and-spin" => begin_and(async || spin()),
        "/begin-and-stall" => begin_and(async || wasip3::clocks::monotonic_clock::wait_for(u64::MAX).await),
        "/begin-and-trap" => begin_and(async || panic!("told to, in the midst of an answer")),
        "/allocate" => allocate(),
        "/hoard" => hoard(),
        "/heads" => full(heads()),
        "/talk" => {
            for number in 0..100_000 {
                eprintln!("line {number}");
            }
            full("talked")
        }
        "/read" => {
            let read = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
            full(read.to_string())
        }
        "/with-trailers" => with_trailers(),
        path if path.starts_with("/kept/") => kept(),
        "/much" => full(vec![b'x'; 32 << 20]),
        _ => full("well"),
    }
}

fn full(body: impl Into<Bytes>) -> Response<Body> {
    Response::new(box_body(FullBody::new(body.into())))
}

/// An answer that may be kept.
fn kept() -> Response<Body> {
    let mut response = full(vec![b'x'; 15_000]);
    response.headers_mut().insert("cache-control", HeaderValue::from_static("max-age=60"));
    response
}

/// An answer with a trailer of its own.
fn with_trailers() -> Response<Body> {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("checksum"), HeaderValue::from_static("1"))]);
    let frames = [Frame::data(Bytes::from_static(b"well")), Frame::trailers(trailers)];
    Response::new(box_body(StreamBody::new(futures::stream::iter(frames.map(Ok::<_, anyhow::Error>)))))
}

/// Never yields the processor.
fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// An answer whose first bytes leave before `then` runs.
fn begin_and(then: impl AsyncFnOnce() + 'static) -> Response<Body> {
    let (mut frames, receiver) = mpsc::channel(0);
    wit_bindgen::spawn(async move {
        let _ = frames.send(Frame::data(Bytes::from_static(b"begun"))).await;
        // There is room for a second frame once the first one has left.
        let _ = frames.send(Frame::data(Bytes::from_static(b"..."))).await;
        then().await;
    });
    Response::new(box_body(StreamBody::new(receiver.map(Ok::<_, anyhow::Error>))))
}

/// Allocates memory without end.
fn allocate() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 1024 * 1024]);
        std::hint::black_box(&all);
    }
}

/// Fills the host's table of handles without end, with lists of headers.
fn hoard() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(wasip3::http::types::Fields::new());
        std::hint::black_box(&all);
    }
}

/// Which heads of requests the host refuses to hold: of 7,000 bytes, and of a million.
fn heads() -> String {
    use wasip3::http::types::{Fields, Method, Request};
    let request = Request::new(Fields::new(), None, wasip3::wit_future::new(|| Ok(None)).1, None).0;
    let mut told = String::new();
    for bytes in [7000, 1_000_000] {
        let long = "a".repeat(bytes);
        let outcomes = [
            request.set_method(&Method::Other(long.clone())).is_ok(),
            request.set_authority(Some(&long)).is_ok(),
            request.set_path_with_query(Some(&format!("/{long}"))).is_ok(),
            Fields::new().append("name", long.as_bytes()).is_ok(),
            Fields::from_list(&[("name".to_owned(), long.into_bytes())]).is_ok(),
        ];
        told.push_str(&format!("{bytes}: {outcomes:?}\n"));
    }
    told
}
