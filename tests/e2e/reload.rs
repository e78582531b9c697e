//! SIGHUP: the configuration and the composition are read again, and nothing that is under way is dropped.

use crate::listing::{assert_says, harbor_rows, node_rows};
use image_service_tests::{Fault, Gate, Harbor, Node, Program, RawClient, Version, composition, test_component};
use serde_json::{Value, json};
use std::time::Duration;

/// crictl's JSON of one image with this tag.
fn image(tag: &str) -> String {
    json!({"images": [{"id": "sha256:a24bb4013296f61e", "repoTags": [tag], "size": "1"}]}).to_string()
}

/// The configuration in which crictl prints one image with this tag.
fn other_image(tag: &str) -> Value {
    json!({"crictl_config": {"mode": "exec", "command": ["echo", image(tag)]}})
}

async fn repository(program: &Program) -> String {
    let images = program.images().await.unwrap();
    node_rows(&images)[0]["repository"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_config_counts_after_sighup() {
    let program = Node::builder().images(image("old:1")).start().unwrap();
    assert_eq!(repository(&program).await, "old");
    program.node().configure(other_image("new:1")).unwrap();
    assert_eq!(repository(&program).await, "old", "not before the signal");
    program.reload().await.unwrap();
    assert_eq!(repository(&program).await, "new");
}

#[tokio::test]
async fn a_broken_config_is_reported_and_the_old_one_keeps_serving() {
    let program = Node::builder().images(image("old:1")).start().unwrap();
    program.node().write("config.json", "{").unwrap();
    program.reload_in_vain().await.unwrap();
    assert_says(&program.log(), &["not valid JSON"]);
    assert_eq!(repository(&program).await, "old");
}

#[tokio::test]
async fn another_composition_counts_after_sighup_and_a_broken_one_does_not() {
    let node = Node::builder().no_images().composition("mine.wasm").build().unwrap();
    let mine = node.path("mine.wasm");
    std::fs::copy(composition("demo"), &mine).unwrap();
    let program = node.start().unwrap();
    let rows = async || harbor_rows(&program.images().await.unwrap()).len();
    assert_eq!(rows().await, 37);

    std::fs::write(&mine, &std::fs::read(composition("native")).unwrap()[..5000]).unwrap();
    program.reload_in_vain().await.unwrap();
    assert_says(&program.log(), &["mine.wasm"]);
    assert_eq!(rows().await, 37);

    std::fs::copy(composition("native"), &mine).unwrap();
    program.reload().await.unwrap();
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn a_request_under_way_is_answered_as_it_began() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let program = Node::builder().images(image("old:1")).harbor(&harbor).start().unwrap();
    let reload = async {
        harbor.await_requests("/artifacts", 1).await.unwrap();
        program.node().configure(other_image("new:1")).unwrap();
        program.node().configure(json!({"harbor_config": null})).unwrap();
        program.reload().await.unwrap();
        gate.open();
    };
    let (images, ()) = tokio::join!(program.images(), reload);
    let images = images.unwrap();
    assert_eq!((node_rows(&images)[0]["repository"].as_str(), harbor_rows(&images).len()), (Some("old"), 3));
    assert_eq!(repository(&program).await, "new");
}

#[tokio::test]
async fn new_limits_count_for_new_connections() {
    let limits = json!({"limits_config": {"max_connections": 1}});
    let program = Node::builder().composition(test_component("misbehaving")).config(limits).start().unwrap();
    let mut first = RawClient::connect(&program.address).await.unwrap();
    let post = "POST /read HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    first.send(post).await.unwrap();
    assert!(first.head().await.unwrap().starts_with("HTTP/1.1 100 "), "its request is under way");
    let ask = async || {
        let mut client = RawClient::connect(&program.address).await.unwrap();
        client.send("HEAD /well HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let head = client.head().await.unwrap();
        (client, head[9..12].to_owned())
    };
    assert_eq!(ask().await.1, "503", "one connection at a time");

    program.node().configure(json!({"limits_config": {"max_connections": 2, "header_timeout": 0.5}})).unwrap();
    program.reload().await.unwrap();
    let (mut second, status) = ask().await;
    assert_eq!(status, "200");
    first.send("hello").await.unwrap();
    first.head().await.unwrap();
    assert!(second.end().await.0 < Duration::from_secs(4));
    // The first has the limits that counted when the program accepted it.
    first.send("HEAD /well HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    first.head().await.unwrap();
}
