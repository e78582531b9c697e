//! Connections: how many there may be, and which clients are given up. Each limit is gone past, over a socket of bytes.

use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use image_service_tests::{Node, Program, Raw, composition, test_component};
use serde_json::{Value, json};
use std::ops::Range;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const GET: &[u8] = b"GET /images HTTP/1.1\r\nhost: x\r\n\r\n";

/// A program with sample data and these limits.
fn started(limits: Value) -> (Node, Program) {
    start(composition("demo"), limits)
}

/// A program that reads and answers as it is asked to, with these limits.
fn misbehaving(limits: Value) -> (Node, Program) {
    start(test_component("misbehaving"), limits)
}

fn start(composition: std::path::PathBuf, limits: Value) -> (Node, Program) {
    let node = Node::configured(&json!({"composition": composition, "limits_config": limits})).unwrap();
    let program = node.start().unwrap();
    (node, program)
}

/// Asserts that something ended when it should, give or take what a busy machine takes.
fn assert_within(elapsed: Duration, seconds: Range<f64>) {
    assert!(seconds.contains(&elapsed.as_secs_f64()), "{elapsed:?} is not in {seconds:?}");
}

/// A connection over HTTP/2 without TLS, with so small a window, and what tells its end.
async fn http2(
    program: &Program,
    window: u32,
) -> (hyper::client::conn::http2::SendRequest<Empty<&'static [u8]>>, tokio::task::JoinHandle<()>) {
    let address = program.address.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(async { drop(connection.await) }))
}

fn request(program: &Program, path: &str) -> Request<Empty<&'static [u8]>> {
    Request::get(format!("{}{path}", program.address)).version(Version::HTTP_2).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn clients_beyond_max_connections_are_answered_when_others_have_gone() {
    let (_node, program) = started(json!({"max_connections": 2}));
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(&program.address).await.unwrap();
        raw.send(GET).await.unwrap();
        raw.head().await.unwrap();
        clients.push(raw);
    }
    let mut waiting = Raw::connect(&program.address).await.unwrap();
    waiting.send(GET).await.unwrap();
    assert!(timeout(Duration::from_millis(500), waiting.head()).await.is_err(), "it has to wait");
    clients.pop();
    assert!(waiting.head().await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_head_larger_than_max_header_bytes_is_answered_431() {
    let (_node, program) = started(json!({"max_header_bytes": 8192}));
    let asked = async |length: usize| {
        let mut raw = Raw::connect(&program.address).await.unwrap();
        raw.send(format!("GET /images HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(length))).await.unwrap();
        raw.head().await.unwrap()[9..12].to_owned()
    };
    assert_eq!((asked(8000).await.as_str(), asked(8300).await.as_str()), ("200", "431"));
}

#[tokio::test]
async fn a_head_larger_than_max_header_bytes_is_answered_431_over_http_2_too() {
    let (_node, program) = started(json!({"max_header_bytes": 8192}));
    for (length, status) in [(7000, 200), (8300, 431)] {
        let (mut client, _) = http2(&program, 65_535).await;
        let mut request = request(&program, "/images");
        request.headers_mut().insert("x-long", "x".repeat(length).parse().unwrap());
        assert_eq!(client.send_request(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_client_that_trickles_its_head_is_given_up_after_header_timeout_while_others_are_served() {
    let (_node, program) = started(json!({"header_timeout": 1}));
    let mut slow = Raw::connect(&program.address).await.unwrap();
    slow.send("GET /images HTTP/1.1\r\nx-slow: ").await.unwrap();
    let others = async {
        loop {
            program.images().await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        elapsed = slow.trickle(b"x", Duration::from_millis(50)) => assert_within(elapsed, 0.9..4.0),
        () = others => {}
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_given_up_after_header_timeout() {
    let (_node, program) = started(json!({"header_timeout": 1}));
    let beginnings: [&[u8]; 3] = [b"", b"PRI * HT", b"GET"];
    for beginning in beginnings {
        let mut silent = Raw::connect(&program.address).await.unwrap();
        silent.send(beginning).await.unwrap();
        assert_within(silent.end().await.0, 0.9..4.0);
    }
}

#[tokio::test]
async fn an_idle_connection_ends_after_header_timeout_and_a_busy_one_does_not() {
    let (_node, program) = started(json!({"header_timeout": 1}));
    let mut client = Raw::connect(&program.address).await.unwrap();
    for _ in 0..6 {
        client.send("HEAD /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
        sleep(Duration::from_millis(400)).await;
    }
    assert_within(client.end().await.0, 0.5..4.0);
}

#[tokio::test]
async fn an_idle_connection_ends_over_http_2_too_whatever_pings_come() {
    let (_node, program) = started(json!({"header_timeout": 1}));
    let mut pinging = Raw::http2(&program.address).await.unwrap();
    // A ping on stream 0.
    let ping = b"\0\0\x08\x06\0\0\0\0\0\x31\x32\x33\x34\x35\x36\x37\x38";
    assert_within(pinging.trickle(ping, Duration::from_millis(50)).await, 0.9..4.0);
}

#[tokio::test]
async fn a_client_that_trickles_its_head_over_http_2_is_given_up_after_header_timeout() {
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    let (_node, program) = started(json!({"header_timeout": 1}));
    let mut slow = Raw::http2(&program.address).await.unwrap();
    // `:method: GET` by its number in HPACK's table, and no end of the head.
    slow.frame(1, HEADERS, 0, &[0x82]).await.unwrap();
    let begun = Instant::now();
    while slow.frame(1, CONTINUATION, 0, &[]).await.is_ok() {
        sleep(Duration::from_millis(300)).await;
    }
    assert_within(begun.elapsed(), 0.9..4.0);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_given_up_after_client_timeout() {
    let (_node, program) = misbehaving(json!({"client_timeout": 1}));
    let mut client = Raw::connect(&program.address).await.unwrap();
    client.send("GET /much HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(4)).await;
    let (elapsed, bytes) = client.end().await;
    assert_within(elapsed, 0.0..2.0);
    assert!(bytes.len() < 32 << 20, "it was cut off, not answered: {}", bytes.len());
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let (_node, program) = misbehaving(json!({"client_timeout": 1}));
    let mut answer = program.get("/much").await.unwrap();
    let begun = Instant::now();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
        // About 3 MB a second, for longer than client_timeout, while the program would be faster.
        if begun.elapsed() < Duration::from_secs(4) {
            sleep(Duration::from_secs_f64(chunk.len() as f64 / 3e6)).await;
        }
    }
    assert_eq!(length, 32 << 20);
}

#[tokio::test]
async fn a_client_that_grants_no_window_over_http_2_is_given_up_after_client_timeout() {
    let (_node, program) = misbehaving(json!({"client_timeout": 1}));
    let (mut client, ended) = http2(&program, 1000).await;
    let stalled = client.send_request(request(&program, "/much")).await.unwrap();
    let begun = Instant::now();
    // What else the client does well is no excuse.
    let busy = async {
        while let Ok(answer) = client.send_request(request(&program, "/well")).await {
            let _ = answer.into_body().collect().await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(busy, async { ended.await.unwrap() });
    assert_within(begun.elapsed(), 0.9..4.0);
    assert!(stalled.into_body().collect().await.is_err());
}

#[tokio::test]
async fn clients_are_told_how_many_requests_a_connection_over_http_2_may_have_and_more_are_refused() {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const END_OF_HEAD: u8 = 4;
    let (_node, program) = misbehaving(json!({"client_timeout": 1}));
    let mut client = Raw::http2(&program.address).await.unwrap();
    // `:method: POST`, `:scheme: http`, `:path: /read` and `:authority: x`, as HPACK writes them; their bodies never come.
    let head = b"\x83\x86\x04\x05/read\x01\x01x";
    for number in 0..130 {
        client.frame(2 * number + 1, HEADERS, END_OF_HEAD, head).await.unwrap();
    }
    let (_, bytes) = client.end().await;
    // MAX_CONCURRENT_STREAMS is setting 3.
    assert!(bytes.windows(6).any(|setting| setting == [0, 3, 0, 0, 0, 128]), "{bytes:?}");
    // REFUSED_STREAM is 7 (RFC 9113, section 7): such a request may be sent again.
    let refused = |stream: u32| [&[0, 0, 4, RST_STREAM, 0], &stream.to_be_bytes()[..], &[0, 0, 0, 7]].concat();
    let is_refused = |stream| bytes.windows(13).any(|frame| frame == refused(stream));
    assert!(!is_refused(255) && is_refused(257) && is_refused(259), "{bytes:?}");
}

#[tokio::test]
async fn a_client_that_sends_its_body_for_ever_is_given_up_after_client_timeout() {
    let (_node, program) = misbehaving(json!({"client_timeout": 1}));
    let mut client = Raw::connect(&program.address).await.unwrap();
    client.send("POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
    assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
    client.send("POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
    assert_within(client.trickle(b"x", Duration::from_millis(50)).await, 0.9..4.0);
}

#[tokio::test]
async fn a_body_that_nobody_reads_holds_nothing() {
    let (_node, program) = started(json!({}));
    let mut client = Raw::connect(&program.address).await.unwrap();
    client.send("POST /images HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
    let (elapsed, bytes) = client.end().await;
    assert!(String::from_utf8_lossy(&bytes).starts_with("HTTP/1.1 405"));
    assert_within(elapsed, 0.0..4.0);
}
