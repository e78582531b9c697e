//! Compositions that ask for too much, or end badly.

use crate::listing::assert_says;
use image_service_tests::{Node, Program, composition, test_component};
use serde_json::json;
use std::path::Path;

/// What `serve` says of a composition that it refuses.
async fn refusal(composition: &Path) -> String {
    let refusal = Node::builder().composition(composition).build().unwrap().launch().refusal().await.unwrap();
    assert_eq!(refusal.code, Some(2));
    refusal.stderr
}

/// The component that does what a test tells it.
fn misbehaving() -> Program {
    let timeout = json!({"app_config": {"response_timeout": 0.5}});
    Node::builder().composition(test_component("misbehaving")).config(timeout).start().unwrap()
}

#[tokio::test]
async fn a_component_that_wants_files_is_refused() {
    let error = refusal(&test_component("reads-files")).await;
    assert_says(&error, &["wasi:filesystem/types@", "is imported, which this environment does not grant"]);
}

#[tokio::test]
async fn a_component_that_wants_sockets_is_refused() {
    let error = refusal(&test_component("opens-sockets")).await;
    assert_says(&error, &["wasi:sockets/tcp@"]);
}

#[tokio::test]
async fn a_composition_for_spin_is_refused_as_it_wants_more() {
    let error = refusal(&composition("spin")).await;
    assert_says(
        &error,
        &["spin.wasm: spin:variables/variables@", "is imported, which this environment does not grant"],
    );
}

#[tokio::test]
async fn a_component_of_wasi_0_2_is_refused_with_what_to_do() {
    let error = refusal(&test_component("wasi-0-2")).await;
    assert_says(&error, &["built for WASI 0.2", "build it for WASI 0.3"]);
}

#[tokio::test]
async fn a_trap_costs_its_request_only() {
    let program = misbehaving();
    for _ in 0..3 {
        let response = program.get("/trap").await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
    }
    program.await_log("told to").await.unwrap();
    program.await_log("an instance ended").await.unwrap();
}

#[tokio::test]
async fn a_component_that_never_lets_go_gets_504_while_others_are_answered() {
    let program = misbehaving();
    let spinning = program.get("/spin");
    let others = async {
        for _ in 0..10 {
            assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
        }
    };
    let (spun, ()) = tokio::join!(spinning, others);
    let spun = spun.unwrap();
    assert_eq!(spun.status(), 504);
    assert_eq!(spun.headers()["content-type"], "application/problem+json");
    assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
    program.await_log("did not begin an answer").await.unwrap();
}
