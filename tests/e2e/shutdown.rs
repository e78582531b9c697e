//! The program's end, by signals.

use crate::listing::{assert_says, assert_whole, numbered};
use http_body_util::{BodyExt, Empty};
use image_service_tests::{Fault, Gate, Harbor, Node, Program, RawClient, Version, eventually, http2};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// A program with this `app_config` whose Harbor holds the list of artifacts back.
async fn held(app_config: Value) -> (Program, Harbor, Gate) {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let config = json!({"app_config": app_config});
    let program = Node::builder().one_image().harbor(&harbor).config(config).start().unwrap();
    (program, harbor, gate)
}

/// A client whose request is under way.
async fn waiting_client(program: &Program, harbor: &Harbor) -> RawClient {
    let mut client = RawClient::connect(&program.address).await.unwrap();
    client.send("GET /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    harbor.await_requests("/artifacts", 1).await.unwrap();
    client
}

/// The exit code, and the time until the end.
async fn ended(program: &mut Program) -> (Option<i32>, Duration) {
    let begun = Instant::now();
    (program.ended().await.unwrap().code(), begun.elapsed())
}

#[tokio::test]
async fn idle_connections_close_at_once() {
    let mut program = Program::demo().unwrap();
    let mut idle = RawClient::connect(&program.address).await.unwrap();
    idle.send("HEAD /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.head().await.unwrap();
    let mut silent = RawClient::connect(&program.address).await.unwrap();
    let stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    let (mut client, connection) = http2(stream, 65_535).await.unwrap();
    let request = http::Request::get(format!("{}/images", program.address)).body(Empty::new()).unwrap();
    client.send_request(request).await.unwrap().into_body().collect().await.unwrap();

    program.interrupt().unwrap();
    let (code, elapsed) = ended(&mut program).await;
    assert_eq!(code, Some(0));
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    connection.await.unwrap().unwrap();
    idle.end().await;
    silent.end().await;
}

#[tokio::test]
async fn sigint_lets_a_request_under_way_end_and_then_exits_with_0() {
    let (mut program, harbor, gate) = held(json!({})).await;
    let interrupt = async {
        harbor.await_requests("/artifacts", 1).await.unwrap();
        program.interrupt().unwrap();
        let address = program.address.trim_start_matches("http://");
        let refused = async || TcpStream::connect(address).await.is_err();
        eventually("the end of accepting connections", refused).await.unwrap();
        gate.open();
    };
    let (images, ()) = tokio::join!(program.images(), interrupt);
    assert_whole(&images.unwrap(), &numbered("a/b", 3));
    assert_eq!(ended(&mut program).await.0, Some(0));
}

#[tokio::test]
async fn after_shutdown_timeout_the_program_cuts_requests_off_and_its_exit_code_tells() {
    let (mut program, harbor, _gate) = held(json!({"shutdown_timeout": 0.5})).await;
    let mut client = waiting_client(&program, &harbor).await;
    program.interrupt().unwrap();
    let (code, elapsed) = ended(&mut program).await;
    assert_eq!(code, Some(1));
    assert!(elapsed > Duration::from_millis(450) && elapsed < Duration::from_secs(5), "{elapsed:?}");
    client.end().await;
    assert_says(&program.log(), &["still under way were cut off after 0.5 s"]);
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let (mut program, harbor, _gate) = held(json!({})).await;
    let _client = waiting_client(&program, &harbor).await;
    program.interrupt().unwrap();
    program.await_log("no more connections are accepted").await.unwrap();
    program.interrupt().unwrap();
    let (code, elapsed) = ended(&mut program).await;
    assert_eq!(code, Some(1));
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    assert_says(&program.log(), &["were cut off by SIGINT"]);
}
