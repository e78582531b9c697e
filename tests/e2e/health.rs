//! Health: `/readyz` says whether there is anything to be had, and asks the sources as little as it can.

use image_service_tests::{Harbor, Node, Program, Version};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn broken_node() -> Value {
    json!({"mode": "cri", "endpoint": "unix:///nonexistent/node.sock"})
}

/// A node that notes each time that it is asked.
fn noting_node() -> Node {
    let node = Node::configured(&json!({})).unwrap();
    let asked = node.path().join("asked");
    let script = format!("echo asked >> {}; echo '{{\"images\": []}}'", asked.display());
    let crictl = json!({"mode": "exec", "command": ["sh", "-c", script]});
    node.configure(&json!({"crictl_config": crictl})).unwrap();
    node
}

async fn readyz(program: &Program) -> (u16, Value) {
    let response = program.get("/readyz").await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, if status == 200 { "application/json" } else { "application/problem+json" });
    (status, response.json().await.unwrap())
}

#[tokio::test]
async fn the_demonstration_is_ready_once_it_is_loaded() {
    let program = Program::start(&["--demo"], None).unwrap();
    assert_eq!(readyz(&program).await, (200, json!({"status": "ready", "sources": {}})));
}

#[tokio::test]
async fn a_node_that_answers_is_enough_and_asked_once() {
    let node = noting_node();
    let program = node.start().unwrap();
    let started = Instant::now();
    let asked = futures::future::join_all((0..20).map(|_| readyz(&program))).await;
    for (status, body) in asked {
        assert_eq!((status, body["status"].as_str()), (200, Some("ready")), "{body}");
        assert!(body["sources"]["containerd"]["answered_seconds_ago"].as_u64() <= Some(started.elapsed().as_secs()));
    }
    assert_eq!(node.read("asked").lines().count(), 1);
}

#[tokio::test]
async fn an_answer_to_a_listing_counts_without_asking_again() {
    let node = noting_node();
    let program = node.start().unwrap();
    program.images().await.unwrap();
    assert_eq!(readyz(&program).await.0, 200);
    assert_eq!(node.read("asked").lines().count(), 1);
}

#[tokio::test]
async fn harbor_alone_is_enough_and_asked_without_the_login() {
    let harbor = Harbor::of(Version::V2_8).start().await.unwrap();
    let node = Node::with_harbor(broken_node(), &harbor).unwrap();
    let program = node.start().unwrap();
    let (status, body) = readyz(&program).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["sources"]["containerd"]["error"].as_str().unwrap().contains("/nonexistent/node.sock"), "{body}");
    assert!(body["sources"]["harbor"]["answered_seconds_ago"].is_u64(), "{body}");
    let asked = harbor.asked();
    assert_eq!((asked.len(), asked[0].target.as_str()), (1, "/api/v2.0/systeminfo"));
    assert_eq!(asked[0].login, None);
}

#[tokio::test]
async fn where_no_source_answers_each_ones_words_are_told_and_nobody_is_asked_again_at_once() {
    let config = json!({
        "crictl_config": broken_node(),
        "harbor_config": {"url": "http://127.0.0.1:1", "user": "u", "password": "s3cret"},
    });
    let node = Node::configured(&config).unwrap();
    let program = node.start().unwrap();
    for _ in 0..2 {
        let (status, body) = readyz(&program).await;
        let detail = body["detail"].as_str().unwrap();
        assert_eq!((status, body["title"].as_str()), (503, Some("Service Unavailable")));
        assert!(detail.contains("containerd: there is no socket /nonexistent/node.sock"), "{detail}");
        assert!(detail.contains("harbor: connection refused") && !detail.contains("s3cret"), "{detail}");
    }
    let metrics = program.get("/metrics").await.unwrap().text().await.unwrap();
    let sample = "image_service_source_errors_total{kind=\"unavailable\",source=\"containerd\"} 1\n";
    assert!(metrics.contains(sample), "{metrics}");
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200, "the process is well");
}

#[tokio::test]
async fn a_node_that_hangs_costs_a_probe_some_seconds_at_most() {
    let crictl = json!({"mode": "exec", "command": ["sleep", "60"]});
    let node = Node::new(crictl).unwrap();
    let program = node.start().unwrap();
    let started = Instant::now();
    let (status, body) = readyz(&program).await;
    assert_eq!(status, 503);
    assert!(body["detail"].as_str().unwrap().contains("containerd: no answer within 3 s"), "{body}");
    assert!(started.elapsed() < Duration::from_secs(10));
}
