//! Each limit and what happens beyond it. Those of connections and headers are in `http`.

use image_service_tests::{
    Cri, CriAnswer, CriImage, Fault, Harbor, ListImages, Node, Program, Version, test_component,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// A node on which the composition does what it is told, with this `limits_config`.
fn misbehaving(limits: Value) -> Node {
    Node::configured(&json!({
        "composition": test_component("misbehaving"),
        "app_config": {"response_timeout": 20},
        "limits_config": limits,
    }))
    .unwrap()
}

async fn assert_well(program: &Program) {
    assert_eq!(program.get("/").await.unwrap().text().await.unwrap(), "well");
}

/// A node without images and a Harbor of 20 repositories whose artifacts it tells one at a time as the semaphore says.
async fn held(config: Value) -> (Node, Harbor, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let mut harbor = Harbor::of(Version::V2_8).fault("/artifacts", Fault::Held(Arc::clone(&gate)));
    for number in 0..20 {
        harbor = harbor.repository(&format!("a/r{number:02}"), 1);
    }
    let harbor = harbor.start().await.unwrap();
    let mut config = config;
    config["crictl_config"] = json!({"mode": "exec", "command": ["echo", "{\"images\": []}"]});
    config["harbor_config"] = harbor.config();
    (Node::configured(&config).unwrap(), harbor, gate)
}

/// The one error of a listing.
fn only_error(images: &Value) -> &str {
    let [error] = &images["errors"].as_array().unwrap()[..] else { panic!("not one error: {}", images["errors"]) };
    error["error"].as_str().unwrap()
}

/// The error of the node alone, as there is no Harbor.
async fn node_error(node: &Node) -> String {
    let images = node.start().unwrap().images().await.unwrap();
    assert_eq!((&images["containerd_images"], &images["errors"][0]["source"]), (&json!([]), &json!("containerd")));
    images["errors"][0]["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn clients_that_leave_keep_their_turn_until_their_work_has_ended() {
    let (node, harbor, gate) = held(json!({"limits_config": {"max_requests": 1, "max_waiting": 8}})).await;
    let program = node.start().unwrap();
    for _ in 0..4 {
        // As many as instances could be made for, if a turn ended with its client.
        assert!(tokio::time::timeout(Duration::from_millis(300), program.images()).await.is_err());
    }
    harbor.wait_for("/artifacts", 1).await.unwrap();
    let asked = harbor.count("/systeminfo");
    assert_eq!(asked, 1, "the others waited for the first, whose client had left");
    gate.add_permits(1000);
    assert_eq!(program.images().await.unwrap()["errors"], json!([]));
}

#[tokio::test]
async fn more_requests_than_may_wait_get_503_and_those_under_way_are_answered() {
    let (node, harbor, gate) = held(json!({"limits_config": {"max_requests": 1, "max_waiting": 1}})).await;
    let program = node.start().unwrap();
    let (first, second) = (program.images(), program.images());
    let beyond = async {
        harbor.wait_for("/artifacts", 1).await.unwrap();
        // Two are under way; one of the next two that come at once may be in time to be the second.
        let mut refused = None;
        while refused.is_none() {
            let response = tokio::time::timeout(Duration::from_millis(100), program.get("/images")).await;
            refused = response.ok().map(Result::unwrap);
        }
        gate.add_permits(1000);
        refused.unwrap()
    };
    let (first, second, refused) = tokio::join!(first, second, beyond);
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    for images in [first, second] {
        assert_eq!(images.unwrap()["harbor_images"].as_array().unwrap().len(), 20);
    }
}

#[tokio::test]
async fn who_waits_longer_than_an_answer_may_take_to_begin_gets_503() {
    let (node, harbor, _gate) =
        held(json!({"limits_config": {"max_requests": 1}, "app_config": {"response_timeout": 0.5}})).await;
    let program = node.start().unwrap();
    // An answer begins at once, and is not ended.
    let _first = program.get("/images").await.unwrap();
    harbor.wait_for("/artifacts", 1).await.unwrap();
    let started = Instant::now();
    assert_eq!(program.get("/images").await.unwrap().status(), 503);
    assert!(started.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_kept_answer_is_given_out_however_much_is_under_way() {
    let limits = json!({"max_requests": 1, "max_waiting": 0});
    let (node, harbor, gate) = held(json!({"limits_config": limits, "cache_config": {"lifetime": 60}})).await;
    let program = node.start().unwrap();
    gate.add_permits(20);
    let kept = program.images().await.unwrap();
    let _other = program.get("/images?another").await.unwrap();
    harbor.wait_for("/artifacts", 21).await.unwrap();
    assert_eq!(program.get("/images?a-third").await.unwrap().status(), 503);
    assert_eq!(program.images().await.unwrap(), kept);
}

#[tokio::test]
async fn an_answer_that_begins_and_never_ends_is_broken_off_while_others_are_answered() {
    let node = misbehaving(json!({"answer_timeout": 1}));
    let program = node.start_logging().unwrap();
    for path in ["/begin-and-stall", "/begin-and-spin"] {
        let started = Instant::now();
        let response = program.get(path).await.unwrap();
        assert_eq!(response.status(), 200);
        let (body, ()) = tokio::join!(response.bytes(), async {
            for _ in 0..10 {
                assert_well(&program).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(body.is_err(), "{path} ended as if it were whole");
        assert!((1..15).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        assert_well(&program).await;
    }
    node.await_log("limits_config.answer_timeout").await.unwrap();
}

#[tokio::test]
async fn a_trap_in_the_midst_of_an_answer_breaks_it_off_and_the_next_request_gets_a_fresh_instance() {
    let node = misbehaving(json!({}));
    let program = node.start_logging().unwrap();
    // The connection breaks, whether the head had been sent or not.
    if let Ok(response) = program.get("/begin-and-trap").await {
        assert!(response.bytes().await.is_err(), "it ended as if it were whole");
    }
    assert_well(&program).await;
    node.await_log("told to, in the midst").await.unwrap();
}

#[tokio::test]
async fn a_component_that_allocates_without_end_is_stopped_and_the_next_request_gets_a_fresh_instance() {
    let node = misbehaving(json!({"max_memory": 32 * 1024 * 1024}));
    let program = node.start_logging().unwrap();
    for _ in 0..3 {
        let response = program.get("/allocate").await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_well(&program).await;
    }
    node.await_log("it wanted more than 33554432 bytes of memory (limits_config.max_memory)").await.unwrap();
}

#[tokio::test]
async fn a_component_that_hoards_what_the_host_holds_for_it_is_stopped() {
    let node = misbehaving(json!({"max_handles": 1000}));
    let program = node.start_logging().unwrap();
    assert_eq!(program.get("/hoard").await.unwrap().status(), 500);
    assert_well(&program).await;
}

#[tokio::test]
async fn a_component_that_floods_stderr_fills_no_log() {
    let node = misbehaving(json!({"max_stderr_lines": 10}));
    let program = node.start_logging().unwrap();
    assert_eq!(program.get("/talk").await.unwrap().text().await.unwrap(), "talked");
    node.await_log("more lines were left out").await.unwrap();
    let lines = node.log().lines().filter(|line| line.contains("line ")).count();
    assert!((10..500).contains(&lines), "{lines}");
    assert!(node.log().contains("limits_config.max_stderr_lines"));
}

#[tokio::test]
async fn an_answer_of_harbor_beyond_its_limit_is_one_error() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 50).start().await.unwrap();
    let mut config = json!({"harbor_config": harbor.config(), "limits_config": {"max_upstream_bytes": 2000}});
    config["crictl_config"] = json!({"mode": "exec", "command": ["echo", "{\"images\": []}"]});
    let images = Node::configured(&config).unwrap().start().unwrap().images().await.unwrap();
    let error = only_error(&images);
    assert!(error.contains("larger than 2000 bytes; limits_config.max_upstream_bytes sets"), "{error}");
}

#[tokio::test]
async fn requests_to_harbor_are_so_many_at_a_time_over_all_instances() {
    let (node, harbor, gate) = held(json!({"limits_config": {"max_upstream_requests": 3}})).await;
    let program = node.start().unwrap();
    let watched = async {
        harbor.wait_for("/artifacts", 3).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(harbor.count("/artifacts"), 3);
        gate.add_permits(1);
        harbor.wait_for("/artifacts", 4).await.unwrap();
        gate.add_permits(1000);
    };
    // Each listing alone would ask for eight at a time.
    let (first, second, ()) = tokio::join!(program.images(), program.images(), watched);
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn output_of_crictl_beyond_its_limit_is_one_error() {
    let node = Node::configured(&json!({
        "crictl_config": {"mode": "exec", "command": ["yes"]},
        "limits_config": {"max_crictl_bytes": 5000},
    }));
    let error = node_error(&node.unwrap()).await;
    assert!(error.contains("`yes` printed more than 5000 bytes and was stopped; limits_config.max_crictl"), "{error}");
}

#[tokio::test]
async fn an_answer_of_the_runtime_beyond_its_limit_is_one_error() {
    let node = Node::new(json!({})).unwrap();
    let image = |number| CriImage { id: format!("sha256:{number:064}"), repo_tags: vec!["a:1".into()], size: 1 };
    let socket = node.path().join("cri.sock");
    let _cri = Cri::start(&socket, CriAnswer::Images(ListImages { images: (0..100).map(image).collect() })).unwrap();
    let crictl = json!({"mode": "cri", "endpoint": format!("unix://{}", socket.display())});
    node.configure(&json!({"crictl_config": crictl, "limits_config": {"max_crictl_bytes": 5000}})).unwrap();
    let error = node_error(&node).await;
    assert!(error.contains("larger than 5000 bytes") && error.contains("limits_config.max_crictl_bytes"), "{error}");
}

#[test]
fn all_limits_stand_in_the_table_of_operations_and_the_tests_that_it_names_are_there() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let operations = read("../docs/operations.md");
    let section = operations.split("\n## ").find(|section| section.starts_with("Limits")).unwrap();
    let table: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).collect();
    let limits = read("../host/src/config/limits.rs");
    let keys = limits.lines().filter_map(|line| line.trim().split_once(": Option<")).map(|(key, _)| key);
    let keys = keys.filter(|key| !key.contains(' '));
    for key in keys {
        assert!(table.iter().any(|row| row.contains(&format!("`limits_config.{key}`"))), "{key} is not in the table");
    }
    for named in table.iter().flat_map(|row| row.split('`')).filter(|text| text.ends_with('…')) {
        let Some((module, test)) = named.trim_end_matches('…').split_once("::") else { continue };
        let begins = format!("fn {test}");
        assert!(read(&format!("e2e/{module}.rs")).contains(&begins), "there is no test {named}");
    }
}
