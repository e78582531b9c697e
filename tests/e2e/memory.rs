//! The budget of memory: whatever clients and sources do, the program stays within it, and answers again afterwards.

use crate::listing::{assert_says, errors};
use futures::future::join_all;
use http::Method;
use image_service_tests::{
    Cgroup, Cri, CriAnswer, Harbor, ListImages, Node, NodeBuilder, Program, RawClient, Version, eventually, leave_out,
    test_component,
};
use serde_json::json;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;
/// What an operator gives the program in these tests: the limit of the manifests in deploy/.
const LIMIT: u64 = 256 * MIB;

/// Starts the program where it is killed beyond [`LIMIT`], and may use seven eighths of it. Where the system allows no cgroup, the
/// program is told the same.
fn start(node: NodeBuilder) -> (Program, Option<Cgroup>) {
    match Cgroup::of_memory(LIMIT) {
        Ok(cgroup) => (node.build().unwrap().launch().start_in(&cgroup).unwrap(), Some(cgroup)),
        Err(error) => {
            leave_out(&format!("a cgroup ({error:#}); the test looks at the program's peak instead"));
            let limits = json!({"limits_config": {"max_total_memory": LIMIT / 8 * 7}});
            (node.config(limits).start().unwrap(), None)
        }
    }
}

/// Asserts that the program lives, stayed within its memory, and answers.
async fn assert_well(program: &Program, path: &str) {
    let peak = program.peak_memory().unwrap() * 1024;
    assert!(peak < LIMIT, "{} MiB at the peak", peak / MIB);
    let answers = async || program.get(path).await.is_ok_and(|answer| answer.status() == 200);
    eventually("the program answers", answers).await.unwrap();
}

/// The status of the answer to a GET.
async fn status(program: &Program, path: String) -> u16 {
    program.get(&path).await.unwrap().status().as_u16()
}

/// A thousand connections, each with 127 requests for this path whose answers nobody reads. Those that the server ends end.
async fn attack(program: &Program, path: &str) -> Vec<RawClient> {
    let mut clients = Vec::new();
    for _ in 0..1000 {
        // The server accepts nobody while memory is short.
        let connected = tokio::time::timeout(Duration::from_millis(200), RawClient::http2(&program.address));
        if let Ok(Ok(mut client)) = connected.await
            && client.leave_unread(127, path).await.is_ok()
        {
            clients.push(client);
        }
    }
    clients
}

#[tokio::test]
async fn a_thousand_connections_with_127_unread_answers_each_leave_the_program_within_its_memory() {
    let (program, _cgroup) = start(Node::builder().one_image());
    for path in ["/images", "/healthz"] {
        let clients = attack(&program, path).await;
        assert!(clients.len() > 100, "{} connections", clients.len());
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200, "monitoring gets its answer");
        drop(clients);
    }
    assert_well(&program, "/images").await;
}

#[tokio::test]
async fn refusals_that_repeat_a_long_path_of_two_bytes_each_leave_the_program_within_its_memory() {
    let node = Node::builder().one_image().file("tokens", "a-token-of-sixteen-characters");
    let (program, _cgroup) = start(node.config(json!({"access_config": {"token_file": "tokens"}})));
    let path = format!("/{}", "a".repeat(3900));
    let clients = attack(&program, &path).await;
    assert!(clients.len() > 100, "{} connections", clients.len());
    drop(clients);
    assert_well(&program, "/healthz").await;
    let token = [("authorization", "Bearer a-token-of-sixteen-characters")];
    let listed =
        async || program.request(Method::GET, "/images", &token).await.is_ok_and(|answer| answer.status() == 200);
    eventually("a listing while memory is given back", listed).await.unwrap();
}

#[tokio::test]
async fn many_different_queries_of_a_large_registry_wait_for_memory_or_get_503() {
    let harbor = Harbor::of(Version::V2_16).repositories(600, 100).start().await.unwrap();
    let (program, _cgroup) = start(Node::builder().one_image().harbor(&harbor));
    let ask = async |number: usize| program.get(&format!("/inventory?q={number}&limit=10")).await.unwrap().status();
    assert_eq!(ask(0).await, 200);
    let answers = join_all((1..=24).map(ask)).await;
    assert!(answers.iter().all(|status| [200, 503].contains(&status.as_u16())), "{answers:?}");
    assert!(answers.iter().any(|status| *status == 200), "{answers:?}");
    assert_well(&program, "/inventory?q=25&limit=10").await;
}

#[tokio::test]
async fn instances_that_want_more_than_there_is_end_with_503_and_others_go_on() {
    let node = Node::builder().composition(test_component("misbehaving"));
    let (program, _cgroup) = start(node.config(json!({"limits_config": {"max_memory": 2048 * MIB}})));
    let refused = program.get("/allocate").await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    let answers = join_all((0..16).map(|_| program.get("/much"))).await;
    let answers: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    assert!(answers.iter().all(|status| [200, 503].contains(status)) && answers.contains(&200), "{answers:?}");
    assert_well(&program, "/").await;
    assert!(program.log().contains("limits_config.max_total_memory"), "{}", program.log());
}

#[tokio::test]
async fn millions_of_empty_images_of_the_runtime_are_one_error_and_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("cri.sock");
    let _cri = Cri::start(&socket, CriAnswer::Images(ListImages::empty(8_000_000))).unwrap();
    let (program, _cgroup) = start(Node::builder().runtime("cri", &socket));
    let images = program.images().await.unwrap();
    let error = errors(&images).into_iter().find(|(source, _)| *source == "containerd").unwrap().1.to_owned();
    assert_says(&error, &["more than the 10000 images that are listed"]);
    let answers = join_all((0..40).map(|number| status(&program, format!("/inventory?q={number}")))).await;
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
    assert_well(&program, "/images").await;
}

#[tokio::test]
async fn memory_that_a_large_answer_took_goes_back_to_the_system() {
    let harbor = Harbor::of(Version::V2_16).repositories(300, 100).start().await.unwrap();
    let (program, _cgroup) = start(Node::builder().one_image().harbor(&harbor));
    let before = program.anonymous_memory().unwrap();
    let answers = join_all((0..8).map(|number| status(&program, format!("/inventory?q={number}")))).await;
    assert!(answers.contains(&200), "{answers:?}");
    let most = before + 48 * 1024;
    let less = async || program.anonymous_memory().unwrap() < most;
    eventually(&format!("less than {most} kB of memory"), less).await.unwrap();
}
