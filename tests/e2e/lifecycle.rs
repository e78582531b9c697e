//! The program's end, by signals, and what SIGHUP changes for connections.

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use image_service_tests::{Fault, Harbor, Node, Program, Raw, Version, composition};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A program whose Harbor keeps a request waiting as long as the semaphore has no permits.
async fn held(app_config: Value) -> (Node, Program, Harbor, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(Arc::clone(&gate)));
    let harbor = harbor.start().await.unwrap();
    let config = json!({
        "crictl_config": {"mode": "exec", "command": ["echo", r#"{"images": []}"#]},
        "harbor_config": harbor.config(),
        "app_config": app_config,
    });
    let node = Node::configured(&config).unwrap();
    let program = node.start_logging().unwrap();
    (node, program, harbor, gate)
}

/// The exit code, and how long the program took to end.
async fn ended(program: Program) -> (Option<i32>, Duration) {
    let begun = Instant::now();
    let status = tokio::task::spawn_blocking(move || program.wait()).await.unwrap().unwrap();
    (status.code(), begun.elapsed())
}

#[tokio::test]
async fn at_the_end_idle_connections_close_at_once() {
    let program = Program::start(&["--demo"], None).unwrap();
    let mut idle = Raw::connect(&program.address).await.unwrap();
    idle.send("HEAD /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.head().await.unwrap();
    let mut silent = Raw::connect(&program.address).await.unwrap();
    let stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    let (mut http2, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, Empty<&'static [u8]>>(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(format!("{}/images", program.address)).body(Empty::new()).unwrap();
    http2.send_request(request).await.unwrap().into_body().collect().await.unwrap();

    program.interrupt().unwrap();
    let (code, elapsed) = ended(program).await;
    assert_eq!(code, Some(0));
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    connection.await.unwrap().unwrap();
    idle.end().await;
    silent.end().await;
}

#[tokio::test]
async fn what_is_under_way_after_shutdown_timeout_is_cut_off_and_the_exit_code_tells() {
    let (node, program, harbor, _gate) = held(json!({"shutdown_timeout": 1})).await;
    let mut client = Raw::connect(&program.address).await.unwrap();
    client.send("GET /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    harbor.wait_for("/artifacts", 1).await.unwrap();
    program.interrupt().unwrap();
    let (code, elapsed) = ended(program).await;
    assert_eq!(code, Some(1));
    assert!(elapsed > Duration::from_millis(900) && elapsed < Duration::from_secs(5), "{elapsed:?}");
    client.end().await;
    assert!(node.log().contains("still under way were cut off after 1 s"), "{}", node.log());
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let (node, program, harbor, _gate) = held(json!({})).await;
    let mut client = Raw::connect(&program.address).await.unwrap();
    client.send("GET /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    harbor.wait_for("/artifacts", 1).await.unwrap();
    program.interrupt().unwrap();
    node.await_log("no more connections are accepted").await.unwrap();
    program.interrupt().unwrap();
    let (code, elapsed) = ended(program).await;
    assert_eq!(code, Some(1));
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    assert!(node.log().contains("were cut off by SIGINT"), "{}", node.log());
}

#[tokio::test]
async fn sighup_changes_the_limits_of_connections() {
    let config = |limits: Value| json!({"composition": composition("demo"), "limits_config": limits});
    let node = Node::configured(&config(json!({"max_connections": 1}))).unwrap();
    let program = node.start_logging().unwrap();
    let get = "HEAD /images HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = Raw::connect(&program.address).await.unwrap();
    first.send(get).await.unwrap();
    first.head().await.unwrap();
    let mut second = Raw::connect(&program.address).await.unwrap();
    second.send(get).await.unwrap();
    assert!(timeout(Duration::from_millis(500), second.head()).await.is_err(), "it has to wait");

    node.configure(&config(json!({"max_connections": 2, "header_timeout": 1}))).unwrap();
    program.hang_up().unwrap();
    second.head().await.unwrap();
    assert!(second.end().await.0 < Duration::from_secs(4));
    // The first has what counted when it was accepted.
    first.send(get).await.unwrap();
    first.head().await.unwrap();
}
