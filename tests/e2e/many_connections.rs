//! More clients than connections: idle ones give way, those with requests under way stay, and probes are always answered.

use http::{Request, Version};
use http_body_util::Empty;
use hyper::body::Bytes;
use image_service_tests::{Node, NodeBuilder, Program, RawClient, eventually, http2, raise_open_files, test_component};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The time of a client that does not wait for the time limit of another, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(4);

/// A request that the component `misbehaving` answers when it has the five bytes of its body.
const POST: &str = "POST /read HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";

/// A program with so many connections, whose time limits nobody reaches.
fn start(node: NodeBuilder, max_connections: usize) -> Program {
    let limits = json!({"limits_config": {"max_connections": max_connections, "header_timeout": 600}});
    node.config(limits).start().unwrap()
}

/// A new client, the head of the answer to its request, and what came of the body.
async fn ask(program: &Program, path: &str) -> (RawClient, String) {
    let mut client = RawClient::connect(&program.address).await.unwrap();
    client.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await.unwrap();
    let head = client.head().await.unwrap_or_default();
    (client, head)
}

/// The status of the answer to a new client.
async fn status(program: &Program, path: &str) -> String {
    ask(program, path).await.1.get(9..12).unwrap_or_default().to_owned()
}

/// A client that asks every two seconds for what no component works on, and comes back when its connection ends. It counts when it has its first answer.
async fn ask_for_ever(address: String, answered: Arc<AtomicUsize>) {
    let mut is_first = true;
    loop {
        if let Ok(mut client) = RawClient::connect(&address).await {
            while client.send("HEAD /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok()
                && client.head().await.is_ok()
            {
                answered.fetch_add(usize::from(std::mem::take(&mut is_first)), Ordering::Relaxed);
                sleep(Duration::from_secs(2)).await;
            }
        }
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn a_thousand_clients_that_ask_every_few_seconds_starve_nobody() {
    raise_open_files(4096).unwrap();
    // The default of max_connections.
    let program = Node::builder().some_images().start().unwrap();
    let (mut others, answered) = (JoinSet::new(), Arc::<AtomicUsize>::default());
    for _ in 0..1024 {
        others.spawn(ask_for_ever(program.address.clone(), Arc::clone(&answered)));
    }
    eventually("1,024 connections", async || answered.load(Ordering::Relaxed) >= 1024).await.unwrap();
    for path in ["/healthz", "/images", "/readyz", "/images"] {
        let begun = Instant::now();
        assert_eq!(status(&program, path).await, "200", "{path}");
        assert!(begun.elapsed() < AT_ONCE, "{path} took {:?}", begun.elapsed());
    }
    assert!(program.log().contains("idle ones give way to new ones"));
    let metrics = program.metrics().await.unwrap();
    assert!(metrics.get("image_service_connections_gave_way_total") > Some(0.0));
    assert!(metrics.get("image_service_connections") <= Some(1024.0 + 64.0));
}

#[tokio::test]
async fn idle_connections_give_way_to_new_ones_whatever_they_have_sent() {
    const WELL: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let program = start(Node::builder().some_images(), 1);
    for beginning in ["", "GET /images HTTP/1.1\r\nx-half: ", "PRI * HT", WELL] {
        let mut idle = RawClient::connect(&program.address).await.unwrap();
        idle.send(beginning).await.unwrap();
        if beginning == WELL {
            idle.head().await.unwrap();
        }
        let begun = Instant::now();
        let (mut other, head) = ask(&program, "/healthz").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        idle.end().await;
        assert!(begun.elapsed() < AT_ONCE, "{beginning:?}");
        other.send(WELL).await.unwrap();
        assert!(other.head().await.unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_connection_over_http_2_without_a_stream_gives_way_with_goaway() {
    const GOAWAY: u8 = 7;
    let program = start(Node::builder().some_images(), 1);
    let mut idle = RawClient::http2(&program.address).await.unwrap();
    let (_other, head) = ask(&program, "/images").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (elapsed, bytes) = idle.end().await;
    assert!(elapsed < AT_ONCE);
    // The frames before it are settings, their acknowledgement and a window; its last stream is the highest, as none is refused.
    let goaway = [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
    assert!(bytes.windows(goaway.len()).any(|frame| frame == goaway), "{bytes:?}");
}

#[tokio::test]
async fn probes_are_answered_while_all_connections_have_requests_under_way_which_stay() {
    let program = start(Node::builder().composition(test_component("misbehaving")), 2);
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = RawClient::connect(&program.address).await.unwrap();
        client.send(POST).await.unwrap();
        assert!(client.head().await.unwrap().starts_with("HTTP/1.1 100 "), "the component reads its body");
        busy.push(client);
    }
    let (mut refused, head) = ask(&program, "/well").await;
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 1\r\n"), "{head}");
    assert!(head.contains("connection: close\r\n") && refused.end().await.0 < AT_ONCE, "{head}");
    // Longer than an idle connection may stay.
    for _ in 0..10 {
        assert_eq!(status(&program, "/healthz").await, "200");
        assert_eq!(status(&program, "/readyz").await, "200");
        sleep(Duration::from_millis(100)).await;
    }
    for mut client in busy {
        client.send("hello").await.unwrap();
        let head = client.head().await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n5"), "{head}");
    }
    assert_eq!(status(&program, "/well").await, "200");
}

#[tokio::test]
async fn a_connection_over_http_2_with_a_stream_open_stays_and_takes_further_ones() {
    let program = start(Node::builder().composition(test_component("misbehaving")), 1);
    let stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    let (mut client, _) = http2(stream, 65_535).await.unwrap();
    let request = |path| {
        let request = Request::get(format!("{}{path}", program.address)).version(Version::HTTP_2);
        request.body(Empty::<Bytes>::new()).unwrap()
    };
    let stalled = client.send_request(request("/begin-and-stall")).await.unwrap();
    for _ in 0..5 {
        assert_eq!(status(&program, "/well").await, "503");
        assert_eq!(status(&program, "/healthz").await, "200");
        assert_eq!(client.send_request(request("/well")).await.unwrap().status(), 200);
        sleep(Duration::from_millis(200)).await;
    }
    drop(stalled);
    eventually("room for another", async || status(&program, "/well").await == "200").await.unwrap();
}
