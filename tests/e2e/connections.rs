//! Connections: which clients are given up. Each limit is gone past, over a socket of bytes.

use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use image_service_tests::{Node, NodeBuilder, Program, RawClient, http2, test_component};
use serde_json::{Value, json};
use std::ops::Range;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The timeout of these tests, in seconds.
const TIMEOUT: f64 = 0.5;
/// When the program gives a client up: the timeout, and what a busy machine may add.
const GIVEN_UP: Range<f64> = TIMEOUT * 0.9..4.0;
/// The rhythm of a client that sends too slowly.
const RHYTHM: Duration = Duration::from_millis(30);

/// A program with these limits.
fn limited(limits: Value) -> Program {
    start(Node::builder().some_images(), limits)
}

/// A program that reads and answers as a test asks it to, with these limits.
fn misbehaving(limits: Value) -> Program {
    start(Node::builder().composition(test_component("misbehaving")), limits)
}

fn start(node: NodeBuilder, limits: Value) -> Program {
    node.config(json!({"limits_config": limits})).start().unwrap()
}

fn assert_within(elapsed: Duration, seconds: Range<f64>) {
    assert!(seconds.contains(&elapsed.as_secs_f64()), "{elapsed:?} is not in {seconds:?}");
}

/// A connection over HTTP/2 without TLS, with a window of so many bytes, and its end.
async fn connect(program: &Program, window: u32) -> (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    http2(stream, window).await.unwrap()
}

fn request(program: &Program, path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("{}{path}", program.address)).version(Version::HTTP_2).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_head_larger_than_max_header_bytes_is_answered_431() {
    let program = limited(json!({"max_header_bytes": 8192}));
    let asked = async |length: usize| {
        let mut raw = RawClient::connect(&program.address).await.unwrap();
        raw.send(format!("GET /images HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(length))).await.unwrap();
        raw.head().await.unwrap()[9..12].to_owned()
    };
    assert_eq!((asked(8000).await.as_str(), asked(8300).await.as_str()), ("200", "431"));
}

#[tokio::test]
async fn a_head_larger_than_max_header_bytes_is_answered_431_over_http_2_too() {
    let program = limited(json!({"max_header_bytes": 8192}));
    for (length, status) in [(7000, 200), (8300, 431)] {
        let (mut client, _) = connect(&program, 65_535).await;
        let mut request = request(&program, "/images");
        request.headers_mut().insert("x-long", "x".repeat(length).parse().unwrap());
        assert_eq!(client.send_request(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_client_that_trickles_its_head_is_given_up_after_header_timeout_while_others_are_served() {
    let program = limited(json!({"header_timeout": TIMEOUT}));
    let mut slow = RawClient::connect(&program.address).await.unwrap();
    slow.send("GET /images HTTP/1.1\r\nx-slow: ").await.unwrap();
    let others = async {
        loop {
            program.images().await.unwrap();
            sleep(RHYTHM).await;
        }
    };
    tokio::select! {
        elapsed = slow.trickle(b"x", RHYTHM) => assert_within(elapsed, GIVEN_UP),
        () = others => {}
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_given_up_after_header_timeout() {
    let program = limited(json!({"header_timeout": TIMEOUT}));
    let beginnings: [&[u8]; 3] = [b"", b"PRI * HT", b"GET"];
    for beginning in beginnings {
        let mut silent = RawClient::connect(&program.address).await.unwrap();
        silent.send(beginning).await.unwrap();
        assert_within(silent.end().await.0, GIVEN_UP);
    }
}

#[tokio::test]
async fn an_idle_connection_ends_after_header_timeout_and_a_busy_one_does_not() {
    let program = limited(json!({"header_timeout": TIMEOUT}));
    let mut client = RawClient::connect(&program.address).await.unwrap();
    let begun = Instant::now();
    // Longer than the timeout, with pauses that are shorter.
    while begun.elapsed().as_secs_f64() < 2.0 * TIMEOUT {
        client.send("HEAD /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
        sleep(Duration::from_secs_f64(TIMEOUT / 5.0)).await;
    }
    assert_within(client.end().await.0, TIMEOUT * 0.5..4.0);
}

#[tokio::test]
async fn an_idle_connection_ends_over_http_2_too_whatever_pings_come() {
    let program = limited(json!({"header_timeout": TIMEOUT}));
    let mut pinging = RawClient::http2(&program.address).await.unwrap();
    // A ping on stream 0.
    let ping = b"\0\0\x08\x06\0\0\0\0\0\x31\x32\x33\x34\x35\x36\x37\x38";
    assert_within(pinging.trickle(ping, RHYTHM).await, GIVEN_UP);
}

#[tokio::test]
async fn a_client_that_trickles_its_head_over_http_2_is_given_up_after_header_timeout() {
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    let program = limited(json!({"header_timeout": TIMEOUT}));
    let mut slow = RawClient::http2(&program.address).await.unwrap();
    // `:method: GET` by its number in HPACK's table, and no end of the head.
    slow.frame(1, HEADERS, 0, &[0x82]).await.unwrap();
    let begun = Instant::now();
    while slow.frame(1, CONTINUATION, 0, &[]).await.is_ok() {
        sleep(Duration::from_secs_f64(TIMEOUT / 4.0)).await;
    }
    assert_within(begun.elapsed(), GIVEN_UP);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_given_up_after_client_timeout() {
    let program = misbehaving(json!({"client_timeout": TIMEOUT}));
    let mut client = RawClient::connect(&program.address).await.unwrap();
    client.send("GET /much HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
    // The scrape's own connection is the only one that is left.
    program.await_sample("image_service_connections", 1.0).await.unwrap();
    let (_, bytes) = client.end().await;
    assert!(bytes.len() < 32 << 20, "it was cut off, not answered: {}", bytes.len());
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    // Long enough for a busy machine, and for a system that reports room for more bytes only after a megabyte was read.
    const SLOW_TIMEOUT: f64 = 2.0;
    let program = misbehaving(json!({"client_timeout": SLOW_TIMEOUT}));
    let mut answer = program.get("/much").await.unwrap();
    let begun = Instant::now();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
        // About 3 MB a second, for longer than client_timeout, while the program would be faster.
        if begun.elapsed().as_secs_f64() < 2.0 * SLOW_TIMEOUT {
            sleep(Duration::from_secs_f64(chunk.len() as f64 / 3e6)).await;
        }
    }
    assert_eq!(length, 32 << 20);
}

#[tokio::test]
async fn a_client_that_grants_no_window_over_http_2_is_given_up_after_client_timeout() {
    let program = misbehaving(json!({"client_timeout": TIMEOUT}));
    let (mut client, ended) = connect(&program, 1000).await;
    let stalled = client.send_request(request(&program, "/much")).await.unwrap();
    let begun = Instant::now();
    // What else the client does well is no excuse.
    let busy = async {
        while let Ok(answer) = client.send_request(request(&program, "/well")).await {
            let _ = answer.into_body().collect().await;
            sleep(RHYTHM).await;
        }
    };
    let ((), _) = tokio::join!(busy, ended);
    assert_within(begun.elapsed(), GIVEN_UP);
    assert!(stalled.into_body().collect().await.is_err());
}

#[tokio::test]
async fn clients_are_told_how_many_requests_a_connection_over_http_2_may_have_and_more_are_refused() {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const END_OF_HEAD: u8 = 4;
    let program = misbehaving(json!({"client_timeout": TIMEOUT}));
    let mut client = RawClient::http2(&program.address).await.unwrap();
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
    let program = misbehaving(json!({"client_timeout": TIMEOUT}));
    let mut client = RawClient::connect(&program.address).await.unwrap();
    client.send("POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
    assert!(client.head().await.unwrap().starts_with("HTTP/1.1 200"));
    client.send("POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
    assert_within(client.trickle(b"x", RHYTHM).await, GIVEN_UP);
}

#[tokio::test]
async fn a_body_that_nobody_reads_holds_nothing() {
    let program = limited(json!({}));
    let mut client = RawClient::connect(&program.address).await.unwrap();
    client.send("POST /images HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
    let (elapsed, bytes) = client.end().await;
    assert!(String::from_utf8_lossy(&bytes).starts_with("HTTP/1.1 405"));
    assert_within(elapsed, 0.0..4.0);
}
