//! The service as HTTP clients meet it: methods, paths, layouts, and its end.

use crate::registry::{assert_rows, node_row, numbered, started, started_with};
use http::Method;
use image_service_tests::{Fault, Harbor, Node, Program, Version};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

async fn program() -> Program {
    Program::start(&["--demo"], None).unwrap()
}

#[tokio::test]
async fn head_answers_200_without_a_body_and_asks_no_source() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    let response = program.request(Method::HEAD, "/images").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert_eq!(harbor.asked().len(), 0);
}

#[tokio::test]
async fn other_methods_are_answered_405_with_those_that_are_allowed() {
    let program = program().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let response = program.request(method.clone(), "/images").await.unwrap();
        assert_eq!(response.headers()["allow"], "GET, HEAD", "{method}");
        assert_is_problem(response, 405, &[method.as_str(), "/images", "Use GET"]).await;
    }
}

#[tokio::test]
async fn other_paths_are_answered_404_and_told_where_the_images_are() {
    let program = program().await;
    for path in ["/", "/nothing", "/images/", "/images/x"] {
        let response = program.get(path).await.unwrap();
        assert_is_problem(response, 404, &[path, "The images are at /images"]).await;
    }
}

/// Asserts that this is a problem as RFC 9457 has it, whose detail says all of this.
async fn assert_is_problem(response: reqwest::Response, status: u16, detail: &[&str]) {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let title = response.status().canonical_reason().unwrap();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        (&problem["status"], &problem["title"], &problem["type"]),
        (&json!(status), &json!(title), &json!("about:blank"))
    );
    for part in detail {
        assert!(problem["detail"].as_str().unwrap().contains(part), "{part:?} is missing in {problem}");
    }
}

#[tokio::test]
async fn jsonify_prettyprint_regular_indents_the_same_values() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let text = async |pretty: bool| {
        let (_node, program) = started_with(&harbor.config(), &json!({"jsonify_prettyprint_regular": pretty}));
        let response = program.get("/images").await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        response.text().await.unwrap()
    };
    let (pretty, compact) = (text(true).await, text(false).await);
    assert_eq!(compact.trim_end().lines().count(), 1);
    let indented = "{\n  \"containerd_images\": [\n    {\n      \"image_id\": \"a24bb4013296f\",\n";
    assert!(pretty.starts_with(indented), "{pretty}");
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&pretty), value(&compact));
    assert_rows(&value(&pretty), &numbered("a/b", 3));
}

#[tokio::test]
async fn the_same_inventory_gives_the_same_bytes() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 250).repository("a/c", 250).repository("d/e", 3);
    let harbor = harbor.start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    let bytes = async || program.get("/images").await.unwrap().bytes().await.unwrap();
    let first = bytes().await;
    for _ in 0..5 {
        assert_eq!(bytes().await, first);
    }
}

#[tokio::test]
async fn many_clients_at_once_get_the_same_answer() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    let answers = futures::future::join_all((0..50).map(|_| program.images())).await;
    for images in answers {
        let images = images.unwrap();
        assert_eq!(images["containerd_images"], json!([node_row()]));
        assert_rows(&images, &numbered("a/b", 250));
        assert_eq!(images["errors"], json!([]));
    }
}

/// Were one source asked after the other, or only while the other is waited for, this would wait for ever.
#[tokio::test]
async fn both_sources_are_asked_at_the_same_time_and_neither_waits_for_the_other() {
    let permits = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3);
    let harbor = harbor.fault("/systeminfo", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    let node = Node::with_harbor(json!({"mode": "exec", "command": ["node"]}), &harbor).unwrap();
    let [begun, go] = ["begun", "go"].map(|name| node.path().join(name));
    let wait = format!("touch {}; until [ -e {} ]; do sleep 0.01; done", begun.display(), go.display());
    node.script(
        "node",
        &(wait + "; echo '{\"images\":[{\"id\":\"sha256:a24bb4013296f61e\",\"repoTags\":[\"a:1\"]}]}'"),
    )
    .unwrap();
    let program = node.start().unwrap();
    let progress = async {
        harbor.wait_for("/systeminfo", 1).await.unwrap();
        while !begun.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Neither has answered. Now Harbor does, to its last request.
        permits.add_permits(1);
        harbor.wait_for("/artifacts", 1).await.unwrap();
        std::fs::write(&go, "").unwrap();
    };
    let (images, ()) = tokio::join!(program.images(), progress);
    let images = images.unwrap();
    assert_rows(&images, &numbered("a/b", 3));
    assert_eq!((&images["containerd_images"][0]["repository"], &images["errors"]), (&json!("a"), &json!([])));
}

#[tokio::test]
async fn sigint_lets_a_request_under_way_end_and_then_exits_with_0() {
    let permits = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3);
    let harbor = harbor.fault("/projects/a/", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    let interrupt = async {
        harbor.wait_for("/projects/a/", 1).await.unwrap();
        program.interrupt().unwrap();
        let address = program.address.trim_start_matches("http://");
        let asked = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            assert!(asked.elapsed() < Duration::from_secs(20), "it still takes connections");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        permits.add_permits(1);
    };
    let (images, ()) = tokio::join!(program.images(), interrupt);
    let images = images.unwrap();
    assert_rows(&images, &numbered("a/b", 3));
    assert_eq!(images["errors"], json!([]));
    assert_eq!(program.wait().unwrap().code(), Some(0));
}
