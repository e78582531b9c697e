//! The service as HTTP clients meet it: methods, paths and layouts.

use crate::listing::{assert_rows, assert_says, assert_whole, node_rows, numbered, start};
use http::Method;
use image_service_tests::{Fault, Gate, Harbor, Node, Program, RawClient, Response, Version, eventually, node_row};
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_without_one_valid_host_is_refused_and_the_connection_goes_on() {
    let program = Program::demo().unwrap();
    let mut client = RawClient::connect(&program.address).await.unwrap();
    for (hosts, status) in [("", 400), ("host: a\r\nhost: a\r\n", 400), ("host: a/b\r\n", 400), ("host: a\r\n", 200)] {
        client.send(format!("HEAD /healthz HTTP/1.1\r\n{hosts}\r\n")).await.unwrap();
        let head = client.head().await.unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{hosts:?} {head}");
    }
}

#[tokio::test]
async fn head_answers_200_without_a_body_and_asks_no_source() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let program = start(harbor.config());
    let response = program.request(Method::HEAD, "/images", &[]).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert_eq!(harbor.requests().len(), 0);
}

#[tokio::test]
async fn other_methods_are_answered_405_with_those_that_are_allowed() {
    let program = Program::demo().unwrap();
    let page = program.get("/").await.unwrap().text().await.unwrap();
    let (_, asset) = page.split_once("href=\"assets/").unwrap();
    let asset = format!("/assets/{}", asset.split('"').next().unwrap());
    for path in ["/images", "//images", "/inventory", "/compare", "/", "/inventory.csv", &asset] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let response = program.request(method.clone(), path, &[]).await.unwrap();
            assert_eq!(response.headers()["allow"], "GET, HEAD", "{method} {path}");
            assert_is_problem(response, 405, &[method.as_str(), path, "Use GET"]).await;
        }
    }
}

#[tokio::test]
async fn other_paths_are_answered_404_and_told_where_the_images_are() {
    let program = Program::demo().unwrap();
    for path in ["/nothing", "/images/", "/images/x", "/inventory/", "/assets/app.js"] {
        for method in [Method::GET, Method::POST] {
            let response = program.request(method, path, &[]).await.unwrap();
            assert_is_problem(response, 404, &[path, "The images are at /images"]).await;
        }
    }
}

/// Asserts that this is a problem as RFC 9457 has it, whose detail says all of this.
async fn assert_is_problem(response: Response, status: u16, detail: &[&str]) {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let title = response.status().canonical_reason().unwrap();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        (&problem["status"], &problem["title"], &problem["type"]),
        (&json!(status), &json!(title), &json!("about:blank"))
    );
    assert_says(problem["detail"].as_str().unwrap(), detail);
}

#[tokio::test]
async fn jsonify_prettyprint_regular_indents_the_same_values() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let text = async |pretty: bool| {
        let layout = json!({"app_config": {"jsonify_prettyprint_regular": pretty}});
        let program = Node::builder().one_image().harbor(&harbor).config(layout).start().unwrap();
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
    let program = start(harbor.config());
    let bytes = async || program.get("/images").await.unwrap().bytes().await.unwrap();
    let first = bytes().await;
    for _ in 0..5 {
        assert_eq!(bytes().await, first);
    }
}

#[tokio::test]
async fn many_clients_at_once_get_the_same_answer() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).start().await.unwrap();
    let program = start(harbor.config());
    let answers = futures::future::join_all((0..50).map(|_| program.images())).await;
    for images in answers {
        let images = images.unwrap();
        assert_eq!(node_rows(&images), [node_row()]);
        assert_whole(&images, &numbered("a/b", 250));
    }
}

/// This would wait for ever if the program asked one source after the other.
#[tokio::test]
async fn both_sources_are_asked_at_the_same_time_and_neither_waits_for_the_other() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3);
    let harbor = harbor.fault("/systeminfo", Fault::Held(gate.clone())).start().await.unwrap();
    let program = Node::builder()
        .file("images.json", include_str!("../fixtures/one-image.json"))
        .crictl_script("touch begun; until [ -e go ]; do sleep 0.01; done; cat images.json")
        .harbor(&harbor)
        .start()
        .unwrap();
    let node = program.node();
    let progress = async {
        harbor.await_requests("/systeminfo", 1).await.unwrap();
        eventually("crictl's start", async || node.path("begun").exists()).await.unwrap();
        // Neither has answered. Now Harbor does, to its last request.
        gate.open();
        harbor.await_requests("/artifacts", 1).await.unwrap();
        node.write("go", "").unwrap();
    };
    let (images, ()) = tokio::join!(program.images(), progress);
    let images = images.unwrap();
    assert_whole(&images, &numbered("a/b", 3));
    assert_eq!(node_rows(&images), [node_row()]);
}
