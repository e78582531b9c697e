//! A node with several runtimes: the first that answers counts, not the first socket that exists.

use crate::listing::{assert_says, errors, node_rows};
use image_service_tests::{Cri, CriAnswer, ListImages, Node, Program};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UnixListener;

/// A node whose crictl names two sockets in its own configuration, and is itself this shell script.
fn node(crictl: &str) -> Node {
    let sockets = "image-endpoint: unix://FOLDER/first.sock\nruntime-endpoint: unix://FOLDER/second.sock\n";
    let node =
        Node::builder().crictl_program(crictl).config(json!({"crictl_config": {"timeout": 1.0}})).build().unwrap();
    node.write("crictl.yaml", sockets.replace("FOLDER", &node.folder().to_string_lossy())).unwrap();
    node
}

fn start(node: &Node) -> Program {
    node.launch().variable("CRI_CONFIG_FILE", node.path("crictl.yaml")).start().unwrap()
}

fn runtime(node: &Node, name: &str, answer: CriAnswer) -> Cri {
    Cri::start(&node.path(name), answer).unwrap()
}

fn images(count: usize) -> CriAnswer {
    CriAnswer::Images(ListImages::numbered(count, 1))
}

/// The number of rows, where the node did not fail.
async fn rows(program: &Program) -> usize {
    let listed = program.images().await.unwrap();
    assert!(errors(&listed).iter().all(|(source, _)| *source == "harbor"), "{listed}");
    node_rows(&listed).len()
}

/// The node's error.
async fn error(program: &Program) -> String {
    let listed: Value = program.images().await.unwrap();
    let [("containerd", error), _] = errors(&listed)[..] else { panic!("no error of the node: {listed}") };
    error.to_owned()
}

const NO_CRICTL: &str = "echo 'no crictl here' >&2; exit 1";

#[tokio::test]
async fn the_first_runtime_that_answers_is_asked_and_not_the_first_socket_that_exists() {
    let node = node(NO_CRICTL);
    let _docker = runtime(&node, "first.sock", CriAnswer::Status(12, "unknown service runtime.v1.ImageService"));
    let _other = runtime(&node, "second.sock", images(3));
    assert_eq!(rows(&start(&node)).await, 3);
}

#[tokio::test]
async fn a_socket_that_hangs_leaves_time_to_the_next_which_is_asked_first_from_then_on() {
    let node = node(NO_CRICTL);
    let listener = UnixListener::bind(node.path("first.sock")).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let server = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok(connection) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            kept.push(connection);
        }
    });
    let _other = runtime(&node, "second.sock", images(3));
    let program = start(&node);
    let begun = Instant::now();
    assert_eq!(rows(&program).await, 3);
    assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!((rows(&program).await, connections.load(Ordering::Relaxed)), (3, 1));
    server.abort();
}

#[tokio::test]
async fn a_runtime_that_stops_working_gives_way_to_another() {
    let node = node(NO_CRICTL);
    let docker = runtime(&node, "first.sock", CriAnswer::Status(12, "unknown service"));
    let second = runtime(&node, "second.sock", images(3));
    let program = start(&node);
    assert_eq!(rows(&program).await, 3);
    drop((docker, second));
    for socket in ["first.sock", "second.sock"] {
        std::fs::remove_file(node.path(socket)).unwrap();
    }
    let _first = runtime(&node, "first.sock", images(2));
    assert_eq!(rows(&program).await, 2);
}

#[tokio::test]
async fn the_images_of_another_runtime_do_not_stand_for_those_of_one_that_fails() {
    let node = node(NO_CRICTL);
    let _first = runtime(&node, "first.sock", CriAnswer::Status(14, "server is not initialized yet"));
    let _second = runtime(&node, "second.sock", images(3));
    assert_says(&error(&start(&node)).await, &["first.sock answered ListImages", "server is not initialized yet"]);
}

#[tokio::test]
async fn crictl_is_asked_where_no_socket_answers() {
    let node = node("echo '{\"images\": []}'");
    let _docker = runtime(&node, "first.sock", CriAnswer::Status(12, "unknown service"));
    assert_eq!(rows(&start(&node)).await, 0);
}

#[tokio::test]
async fn all_that_was_tried_is_named_and_the_cause_comes_first() {
    let node = node(NO_CRICTL);
    let _docker = runtime(&node, "second.sock", CriAnswer::Status(12, "unknown service"));
    let error = error(&start(&node)).await;
    let (cause, others) = error.split_once("; also tried: ").unwrap();
    assert_says(cause, &["second.sock has no CRI", "Docker's containerd"]);
    assert_says(others, &["there is no socket", "first.sock", "also tried: `", "no crictl here"]);
}

#[tokio::test]
async fn an_edit_of_crictls_configuration_counts_from_the_next_request_on() {
    let node = node(NO_CRICTL);
    let _first = runtime(&node, "first.sock", images(2));
    let _third = runtime(&node, "third.sock", images(3));
    let program = start(&node);
    assert_eq!(rows(&program).await, 2);
    let third = format!("runtime-endpoint: unix://{}\n", node.path("third.sock").display());
    node.write("crictl.yaml", third).unwrap();
    assert_eq!(rows(&program).await, 3);
}
