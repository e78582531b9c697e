//! Health: `/readyz` says whether a source answers, and asks the sources as little as it can.

use crate::listing::assert_says;
use http::Method;
use image_service_tests::{Harbor, Node, NodeBuilder, Program, Version};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A program whose crictl notes each time that it runs.
fn counting() -> Program {
    Node::builder().crictl_script("echo asked >> asked; echo '{\"images\": []}'").start().unwrap()
}

/// How often it ran.
fn asked(program: &Program) -> usize {
    program.node().read("asked").lines().count()
}

async fn readyz(program: &Program) -> (u16, Value) {
    let response = program.get("/readyz").await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(
        response.header("content-type"),
        if status == 200 { "application/json" } else { "application/problem+json" }
    );
    (status, response.json().await.unwrap())
}

/// The same to a client with the token of [`with_token`].
async fn readyz_with_token(program: &Program) -> Value {
    let headers = [("authorization", "Bearer token-of-this-test")];
    program.request(Method::GET, "/readyz", &headers).await.unwrap().json().await.unwrap()
}

fn with_token(node: NodeBuilder) -> NodeBuilder {
    node.file("tokens", "token-of-this-test").config(json!({"access_config": {"token_file": "tokens"}}))
}

#[tokio::test]
async fn the_demonstration_is_ready_once_it_is_loaded() {
    let program = Program::demo().unwrap();
    assert_eq!(readyz(&program).await, (200, json!({"status": "ready", "sources": {}})));
}

#[tokio::test]
async fn a_node_that_answers_is_enough_and_asked_once() {
    let program = counting();
    let started = Instant::now();
    let answers = futures::future::join_all((0..20).map(|_| readyz(&program))).await;
    for (status, body) in answers {
        assert_eq!((status, body["status"].as_str()), (200, Some("ready")), "{body}");
        assert!(body["sources"]["containerd"]["answered_seconds_ago"].as_u64() <= Some(started.elapsed().as_secs()));
    }
    assert_eq!(asked(&program), 1);
}

#[tokio::test]
async fn an_answer_to_a_listing_counts_without_asking_again() {
    let program = counting();
    program.images().await.unwrap();
    assert_eq!(readyz(&program).await.0, 200);
    assert_eq!(asked(&program), 1);
}

#[tokio::test]
async fn harbor_alone_is_enough_and_asked_without_the_login() {
    let harbor = Harbor::of(Version::V2_8).start().await.unwrap();
    let program = with_token(Node::builder().no_runtime().harbor(&harbor)).start().unwrap();
    let (status, body) = readyz(&program).await;
    assert_eq!(status, 200, "{body}");
    assert!(!body.to_string().contains("node.sock"), "{body}");
    assert!(body["sources"]["containerd"]["failed_seconds_ago"].is_u64(), "{body}");
    let told = readyz_with_token(&program).await;
    assert_says(told["sources"]["containerd"]["error"].as_str().unwrap(), &["/nonexistent/node.sock"]);
    assert!(body["sources"]["harbor"]["answered_seconds_ago"].is_u64(), "{body}");
    let requests = harbor.requests();
    assert_eq!((requests.len(), requests[0].target.as_str()), (1, "/api/v2.0/systeminfo"));
    assert_eq!(requests[0].login(), None);
}

#[tokio::test]
async fn where_no_source_answers_readyz_tells_the_log_and_a_token_why_and_does_not_ask_again_at_once() {
    let nobody = json!({"harbor_config": {"url": "http://127.0.0.1:1", "user": "u", "password": "s3cret"}});
    let program = with_token(Node::builder().no_runtime().config(nobody)).start().unwrap();
    let [containerd, harbor] = ["containerd: there is no socket /nonexistent/node.sock", "harbor: connection refused"];
    for _ in 0..2 {
        let (status, body) = readyz(&program).await;
        let detail = body["detail"].as_str().unwrap();
        assert_eq!((status, body["title"].as_str()), (503, Some("Service Unavailable")));
        assert_says(detail, &["containerd: failed ", "harbor: failed ", "The log says why"]);
        assert!(!detail.contains("node.sock") && !detail.contains("refused"), "{detail}");
        let told = readyz_with_token(&program).await;
        assert_says(told["detail"].as_str().unwrap(), &[containerd, harbor]);
        assert!(!told.to_string().contains("s3cret"), "{told}");
    }
    for why in [containerd, harbor] {
        assert_eq!(program.log().matches(&format!("/readyz: {why}")).count(), 1, "{}", program.log());
    }
    let sample = "image_service_source_errors_total{kind=\"unavailable\",source=\"containerd\"}";
    let headers = [("authorization", "Bearer token-of-this-test")];
    let metrics = program.request(Method::GET, "/metrics", &headers).await.unwrap().text().await.unwrap();
    assert!(metrics.lines().any(|line| line == format!("{sample} 1")), "{metrics}");
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200, "the process is well");
}

#[tokio::test]
async fn a_node_that_hangs_costs_a_probe_some_seconds_at_most() {
    let program = Node::builder().crictl(&["sleep", "60"]).start().unwrap();
    let started = Instant::now();
    let (status, body) = readyz(&program).await;
    assert_eq!(status, 503);
    assert_says(body["detail"].as_str().unwrap(), &["containerd: no answer within 3 s"]);
    assert!(started.elapsed() < Duration::from_secs(10));
}
