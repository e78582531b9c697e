//! SIGHUP: the configuration and the composition are read again, and nothing that is under way is dropped.

use image_service_tests::{Fault, Harbor, Node, Program, Version, composition};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

fn one_image(name: &str) -> Value {
    let images = json!({"images": [{"id": "sha256:a24bb4013296f61e", "repoTags": [name], "size": "1"}]});
    json!({"crictl_config": {"mode": "exec", "command": ["echo", images.to_string()]}})
}

/// Asks until the answer is as it should be: a signal takes effect in its own time.
async fn until(program: &Program, expected: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1000 {
        let images = program.images().await.unwrap();
        if expected(&images) {
            return images;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the answer never changed");
}

fn repository(images: &Value) -> &str {
    images["containerd_images"][0]["repository"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_new_config_counts_after_sighup() {
    let node = Node::configured(&one_image("old:1")).unwrap();
    let program = node.start().unwrap();
    assert_eq!(repository(&program.images().await.unwrap()), "old");
    node.configure(&one_image("new:1")).unwrap();
    assert_eq!(repository(&program.images().await.unwrap()), "old", "not before the signal");
    program.hang_up().unwrap();
    until(&program, |images| repository(images) == "new").await;
}

#[tokio::test]
async fn a_broken_config_is_reported_and_the_old_one_keeps_serving() {
    let node = Node::configured(&one_image("old:1")).unwrap();
    let program = node.start_logging().unwrap();
    std::fs::write(node.config(), "{").unwrap();
    program.hang_up().unwrap();
    node.await_log("nothing was changed").await.unwrap();
    assert!(node.log().contains("not valid JSON"), "{}", node.log());
    assert_eq!(repository(&program.images().await.unwrap()), "old");
}

#[tokio::test]
async fn another_composition_counts_after_sighup_and_a_broken_one_does_not() {
    let node = Node::configured(&json!({"composition": "mine.wasm"})).unwrap();
    let mine = node.path().join("mine.wasm");
    std::fs::copy(composition("demo"), &mine).unwrap();
    let program = node.start_logging().unwrap();
    assert_eq!(program.images().await.unwrap()["harbor_images"].as_array().unwrap().len(), 5);

    std::fs::write(&mine, &std::fs::read(composition("native")).unwrap()[..5000]).unwrap();
    program.hang_up().unwrap();
    node.await_log("nothing was changed").await.unwrap();
    assert!(node.log().contains("mine.wasm"), "{}", node.log());
    assert_eq!(program.images().await.unwrap()["harbor_images"].as_array().unwrap().len(), 5);

    std::fs::copy(composition("native"), &mine).unwrap();
    program.hang_up().unwrap();
    until(&program, |images| images["harbor_images"] == json!([])).await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_as_it_began() {
    let gate = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(Arc::clone(&gate)));
    let harbor = harbor.start().await.unwrap();
    let mut old = one_image("old:1");
    old["harbor_config"] = harbor.config();
    let node = Node::configured(&old).unwrap();
    let program = node.start_logging().unwrap();
    let under_way = program.images();
    tokio::pin!(under_way);
    tokio::select! {
        _ = &mut under_way => panic!("answered too early"),
        outcome = harbor.wait_for("/artifacts", 1) => outcome.unwrap(),
    }
    node.configure(&one_image("new:1")).unwrap();
    program.hang_up().unwrap();
    node.await_log("was read again").await.unwrap();
    gate.add_permits(100);
    let images = under_way.await.unwrap();
    assert_eq!(repository(&images), "old");
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 3);
    assert_eq!(repository(&program.images().await.unwrap()), "new");
}
