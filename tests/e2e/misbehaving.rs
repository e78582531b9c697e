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

/// A core module whose start function loops.
const LOOPS: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x04\x01\x60\0\0\
    \x03\x02\x01\0\
    \x08\x01\0\
    \x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";

/// The component with one more core module, whose start function loops, and an instance of it.
fn with_a_start_that_loops(mut component: Vec<u8>) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCE: u8 = 2;
    let (mut at, mut modules) = (8, 0);
    while let Some(kind) = component.get(at) {
        modules += u8::from(*kind == CORE_MODULE);
        // The length, in groups of seven bits.
        let mut length = 0;
        for group in 0.. {
            at += 1;
            length |= usize::from(component[at] & 0x7f) << (7 * group);
            if component[at] < 0x80 {
                break;
            }
        }
        at += 1 + length;
    }
    assert!(modules < 0x80);
    component.extend([CORE_MODULE, u8::try_from(LOOPS.len()).unwrap()]);
    component.extend(LOOPS);
    // One instance, made from this module, without arguments.
    component.extend([CORE_INSTANCE, 4, 1, 0, modules, 0]);
    component
}

#[tokio::test]
async fn a_start_function_that_loops_is_stopped_and_keeps_no_turn_and_does_not_survive_a_reload() {
    let config =
        json!({"app_config": {"response_timeout": 0.5}, "limits_config": {"max_requests": 1, "max_waiting": 1}});
    let node = Node::builder().config(config).composition("mine.wasm").no_images().build().unwrap();
    let hello = std::fs::read(test_component("hello")).unwrap();
    node.write("mine.wasm", with_a_start_that_loops(hello.clone())).unwrap();
    let program = node.start().unwrap();
    for _ in 0..3 {
        // Each gets its turn, or the first one would hold it for ever.
        assert_eq!(program.get("/").await.unwrap().status(), 504);
        program.await_sample("image_service_component_requests{state=\"working\"}", 0.0).await.unwrap();
    }
    program.await_log("an instance was ended, as it did not start within app_config.response_timeout").await.unwrap();
    assert_eq!(program.get("/").await.unwrap().status(), 504);
    node.write("mine.wasm", hello).unwrap();
    program.reload().await.unwrap();
    assert_eq!(program.get("/").await.unwrap().status(), 200);
    let before = program.processor_time().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let spent = program.processor_time().unwrap() - before;
    assert!(spent < std::time::Duration::from_millis(500), "something computes still: {spent:?} in a second");
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
