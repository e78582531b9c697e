//! Each limit and what happens beyond it. `connections` has those of connections and headers.

use crate::listing::{assert_says, harbor_rows, node_rows, only_error, only_node_error};
use http::Method;
use image_service_tests::{
    Cri, CriAnswer, Fault, Gate, Harbor, ListImages, Node, NodeBuilder, Program, Version, eventually, is_pending,
    repository, test_component,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The component that does what a test tells it, with this `limits_config`.
fn misbehaving(limits: Value) -> Program {
    let config = json!({"app_config": {"response_timeout": 20}, "limits_config": limits});
    Node::builder().composition(test_component("misbehaving")).config(config).start().unwrap()
}

async fn assert_well(program: &Program) {
    assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
}

/// A node without images, and a Harbor of 20 repositories that holds the lists of artifacts back.
async fn held() -> (NodeBuilder, Harbor, Gate) {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repositories(20, 1).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    (Node::builder().no_images().harbor(&harbor), harbor, gate)
}

/// The error of the node, where there is no Harbor.
async fn node_error(node: NodeBuilder) -> String {
    let images = node.start().unwrap().images().await.unwrap();
    assert_eq!((node_rows(&images).len(), &images["errors"][0]["source"]), (0, &json!("containerd")));
    images["errors"][0]["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_leaves_keeps_its_permit_until_its_work_has_ended() {
    let (node, harbor, gate) = held().await;
    let limits = json!({"limits_config": {"max_requests": 1, "max_waiting": 8}});
    let program = node.config(limits).start().unwrap();
    for _ in 0..4 {
        // As many as the program could make instances for, if a permit ended with its client.
        assert!(is_pending(program.images()).await);
    }
    harbor.await_requests("/artifacts", 1).await.unwrap();
    let asked = harbor.count("/systeminfo");
    assert_eq!(asked, 1, "the others waited for the first, whose client had left");
    gate.open();
    assert_eq!(program.images().await.unwrap()["errors"], json!([]));
}

#[tokio::test]
async fn more_requests_than_may_wait_get_503_and_those_under_way_are_answered() {
    let (node, harbor, gate) = held().await;
    let limits = json!({"limits_config": {"max_requests": 1, "max_waiting": 1}});
    let program = node.config(limits).start().unwrap();
    let (first, second) = (program.images(), program.images());
    let beyond = async {
        harbor.await_requests("/artifacts", 1).await.unwrap();
        program.await_sample("image_service_component_requests{state=\"waiting\"}", 1.0).await.unwrap();
        let refused = program.get("/images").await.unwrap();
        gate.open();
        refused
    };
    let (first, second, refused) = tokio::join!(first, second, beyond);
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    for images in [first, second] {
        assert_eq!(harbor_rows(&images.unwrap()).len(), 20);
    }
}

#[tokio::test]
async fn a_request_that_waits_longer_than_response_timeout_gets_503() {
    let (node, harbor, _gate) = held().await;
    let limits = json!({"limits_config": {"max_requests": 1}, "app_config": {"response_timeout": 0.5}});
    let program = node.config(limits).start().unwrap();
    // An answer begins at once, and does not end.
    let _first = program.get("/images").await.unwrap();
    harbor.await_requests("/artifacts", 1).await.unwrap();
    let started = Instant::now();
    assert_eq!(program.get("/images").await.unwrap().status(), 503);
    assert!(started.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_kept_answer_is_given_out_however_much_is_under_way() {
    let (node, harbor, gate) = held().await;
    let limits = json!({"limits_config": {"max_requests": 1, "max_waiting": 0}});
    // No listing begins with the program.
    let reads_all = json!({"harbor_config": {"full_listing_interval": 0}});
    let program = node.config(limits).config(reads_all).cache_lifetime(60).start().unwrap();
    gate.let_through(20);
    let kept = program.images().await.unwrap();
    let of_its_own = async || program.request(Method::GET, "/images", &[("cache-control", "no-store")]).await.unwrap();
    let _other = of_its_own().await;
    harbor.await_requests("/artifacts", 21).await.unwrap();
    assert_eq!(of_its_own().await.status(), 503);
    assert_eq!(program.images().await.unwrap(), kept);
}

#[tokio::test]
async fn an_answer_that_begins_and_never_ends_is_broken_off_while_others_are_answered() {
    let program = misbehaving(json!({"answer_timeout": 0.5}));
    for path in ["/begin-and-stall", "/begin-and-spin"] {
        let started = Instant::now();
        let response = program.get(path).await.unwrap();
        assert_eq!(response.status(), 200);
        let (body, ()) = tokio::join!(response.bytes(), async {
            for _ in 0..10 {
                assert_well(&program).await;
            }
        });
        assert!(body.is_err(), "{path} ended as if it were whole");
        let elapsed = started.elapsed();
        assert!(elapsed >= Duration::from_millis(500) && elapsed < Duration::from_secs(15), "{elapsed:?}");
        assert_well(&program).await;
    }
    program.await_log("limits_config.answer_timeout").await.unwrap();
}

#[tokio::test]
async fn a_trap_in_the_midst_of_an_answer_breaks_it_off_and_the_next_request_gets_a_fresh_instance() {
    let program = misbehaving(json!({}));
    // The connection breaks, whether the program had sent the head or not.
    if let Ok(response) = program.get("/begin-and-trap").await {
        assert!(response.bytes().await.is_err(), "it ended as if it were whole");
    }
    assert_well(&program).await;
    program.await_log("told to, in the midst").await.unwrap();
}

#[tokio::test]
async fn a_component_that_allocates_without_end_is_stopped_and_the_next_request_gets_a_fresh_instance() {
    let program = misbehaving(json!({"max_memory": 32 * 1024 * 1024}));
    for _ in 0..3 {
        let response = program.get("/allocate").await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_well(&program).await;
    }
    program.await_log("it wanted more than 33554432 bytes of memory (limits_config.max_memory)").await.unwrap();
}

#[tokio::test]
async fn a_component_that_hoards_resources_of_the_host_is_stopped() {
    let program = misbehaving(json!({"max_handles": 100}));
    assert_eq!(program.get("/hoard").await.unwrap().status(), 500);
    assert_well(&program).await;
}

#[tokio::test]
async fn a_component_has_the_host_hold_a_thousand_heads_of_some_kilobytes() {
    let program = misbehaving(json!({}));
    let heads = program.get("/heads").await.unwrap().text().await.unwrap();
    let expected = format!("7000: {:?}\n1000000: {:?}\n", [true; 5], [false; 5]);
    assert_eq!(heads, expected);
    assert_eq!(program.get("/hoard").await.unwrap().status(), 500);
    assert_well(&program).await;
}

/// The bytes that the system holds of answers of this program: the send queues in /proc/net/tcp (proc_pid_net(5)).
fn unsent(program: &Program) -> Vec<u64> {
    let port: u16 = program.address.rsplit(':').next().unwrap().parse().unwrap();
    let local = format!("0100007F:{port:04X}");
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let queues = sockets.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields[1] == local).then(|| u64::from_str_radix(fields[4].split(':').next().unwrap(), 16).unwrap())
    });
    queues.collect()
}

#[tokio::test]
async fn of_an_answer_that_nobody_reads_the_system_holds_little() {
    let program = misbehaving(json!({}));
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
        client.write_all(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        clients.push(client);
    }
    let all_wait = async || unsent(&program).iter().filter(|bytes| **bytes > 0).count() == clients.len();
    eventually("answers that wait for their clients", all_wait).await.unwrap();
    // Time in which the system would take more.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(unsent(&program).iter().all(|bytes| *bytes < 256 * 1024), "{:?}", unsent(&program));
    }
}

#[tokio::test]
async fn a_component_that_floods_stderr_fills_no_log() {
    let program = misbehaving(json!({"max_stderr_lines": 10}));
    assert_eq!(program.get("/talk").await.unwrap().text().await.unwrap(), "talked");
    program.await_log("more lines were left out").await.unwrap();
    let lines = program.log().lines().filter(|line| line.contains("line ")).count();
    assert!((10..500).contains(&lines), "{lines}");
    assert_says(&program.log(), &["limits_config.max_stderr_lines"]);
}

#[tokio::test]
async fn an_answer_of_harbor_beyond_its_limit_is_one_error() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 50).start().await.unwrap();
    let limits = json!({"limits_config": {"max_upstream_bytes": 2000}});
    let program = Node::builder().no_images().harbor(&harbor).config(limits).start().unwrap();
    let images = program.images().await.unwrap();
    assert_says(only_error(&images), &["larger than 2000 bytes; limits_config.max_upstream_bytes sets"]);
}

#[tokio::test]
async fn requests_to_harbor_are_so_many_at_a_time_over_all_instances() {
    let (node, harbor, gate) = held().await;
    let program = node.config(json!({"limits_config": {"max_upstream_requests": 3}})).start().unwrap();
    let look = async {
        harbor.await_requests("/artifacts", 3).await.unwrap();
        assert!(is_pending(harbor.await_requests("/artifacts", 4)).await);
        gate.let_through(1);
        harbor.await_requests("/artifacts", 4).await.unwrap();
        gate.open();
    };
    // Each listing alone would ask for eight at a time.
    let (first, second, ()) = tokio::join!(program.images(), program.images(), look);
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn millions_of_tags_of_one_image_are_one_error_of_the_node_and_cost_harbor_nothing() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let tags = vec!["\"a\""; 3_200_000].join(",");
    let image = format!(r#"{{"images":[{{"id":"sha256:1","repoTags":[{tags}],"repoDigests":[],"size":"1"}}]}}"#);
    let program = Node::builder().images(image).harbor(&harbor).start().unwrap();
    let images = program.images().await.unwrap();
    assert_says(
        only_node_error(&images, 3),
        &["more than the 100000 tags and digests that are listed; remove unused ones"],
    );
}

#[tokio::test]
async fn output_of_crictl_beyond_its_limit_is_one_error() {
    let limits = json!({"limits_config": {"max_crictl_bytes": 5000}});
    let error = node_error(Node::builder().crictl(&["yes"]).config(limits)).await;
    assert_says(&error, &["`yes` printed more than 5000 bytes and was stopped; limits_config.max_crictl"]);
}

#[tokio::test]
async fn an_answer_of_the_runtime_beyond_its_limit_is_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("cri.sock");
    let _cri = Cri::start(&socket, CriAnswer::Images(ListImages::numbered(100, 1))).unwrap();
    let limits = json!({"limits_config": {"max_crictl_bytes": 5000}});
    let error = node_error(Node::builder().runtime("cri", &socket).config(limits)).await;
    assert_says(&error, &["larger than 5000 bytes", "limits_config.max_crictl_bytes"]);
}

#[test]
fn all_limits_stand_in_the_table_of_operations_and_the_tests_that_it_names_are_there() {
    let read = |path: &str| std::fs::read_to_string(repository(path)).unwrap();
    let operations = read("docs/operations.md");
    let section = operations.split("\n## ").find(|section| section.starts_with("Limits")).unwrap();
    let table: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).collect();
    let limits = read("crates/config/src/limits.rs");
    let keys = limits.lines().filter_map(|line| line.trim().split_once(": Option<")).map(|(key, _)| key);
    let keys = keys.filter(|key| !key.contains(' '));
    for key in keys {
        assert!(table.iter().any(|row| row.contains(&format!("`limits_config.{key}`"))), "{key} is not in the table");
    }
    for named in table.iter().flat_map(|row| row.split('`')).filter(|text| text.ends_with('…')) {
        let Some((module, test)) = named.trim_end_matches('…').rsplit_once("::") else { continue };
        let begins = format!("fn {test}");
        let file = format!("tests/e2e/{}.rs", module.replace("::", "/"));
        assert!(read(&file).contains(&begins), "there is no test {named}");
    }
}
