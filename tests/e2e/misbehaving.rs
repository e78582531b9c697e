//! Compositions that ask for too much, or end badly.

use image_service_tests::{Node, Program, composition, test_component};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// What `serve` says of a composition that it refuses.
fn refusal(composition: &Path) -> String {
    let output = Command::new(Program::path())
        .args(["serve", "--listen", "127.0.0.1:0", "--composition"])
        .arg(composition)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

fn misbehaving() -> Node {
    Node::configured(&json!({
        "composition": test_component("misbehaving"),
        "app_config": {"response_timeout": 1},
    }))
    .unwrap()
}

#[test]
fn a_component_that_wants_files_is_refused() {
    let error = refusal(&test_component("reads-files"));
    assert!(error.contains("wasi:filesystem/types@"), "{error}");
    assert!(error.contains("is imported, which this environment does not grant"), "{error}");
}

#[test]
fn a_component_that_wants_sockets_is_refused() {
    let error = refusal(&test_component("opens-sockets"));
    assert!(error.contains("wasi:sockets/tcp@"), "{error}");
}

#[test]
fn a_composition_for_spin_is_refused_as_it_wants_more() {
    let error = refusal(&composition("spin"));
    assert!(error.contains("spin.wasm: spin:variables/variables@"), "{error}");
    assert!(error.contains("is imported, which this environment does not grant"), "{error}");
}

#[test]
fn a_component_of_wasi_0_2_is_refused_with_what_to_do() {
    let error = refusal(&test_component("wasi-0-2"));
    assert!(error.contains("built for WASI 0.2") && error.contains("build it for WASI 0.3"), "{error}");
}

#[tokio::test]
async fn a_trap_costs_its_request_only() {
    let node = misbehaving();
    let program = node.start_logging().unwrap();
    for _ in 0..3 {
        let response = program.get("/trap").await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
    }
    node.await_log("told to").await.unwrap();
    node.await_log("an instance ended").await.unwrap();
}

#[tokio::test]
async fn a_component_that_never_lets_go_gets_504_while_others_are_answered() {
    let node = misbehaving();
    let program = node.start_logging().unwrap();
    let spinning = program.get("/spin");
    let others = async {
        for _ in 0..10 {
            assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let (spun, ()) = tokio::join!(spinning, others);
    let spun = spun.unwrap();
    assert_eq!(spun.status(), 504);
    assert_eq!(spun.headers()["content-type"], "application/problem+json");
    assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
    node.await_log("did not begin an answer").await.unwrap();
}
