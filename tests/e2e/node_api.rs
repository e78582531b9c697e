//! The node API: what crictl says on this node, for compositions that run elsewhere.

use crate::listing::assert_says;
use http::Method;
use image_service_tests::{Node, NodeBuilder, Program, RawClient, Response, repository};
use serde_json::{Value, json};

const RECORDED: &str = "components/lib/image-model/testdata/crictl-1.36-images.json";

/// A node whose crictl prints recorded output.
fn recorded() -> NodeBuilder {
    Node::builder().crictl(&["cat", &repository(RECORDED).to_string_lossy()])
}

async fn ask(program: &Program, method: Method, authorization: Option<&str>) -> Response {
    let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
    program.request(method, "/v1/crictl/images", &headers).await.unwrap()
}

#[tokio::test]
async fn with_the_token_it_answers_the_very_json_of_crictl() {
    let program = recorded().node_api("t0ken\n").start().unwrap();
    let answer = ask(&program, Method::GET, Some("Bearer t0ken")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), std::fs::read_to_string(repository(RECORDED)).unwrap());
}

#[tokio::test]
async fn without_the_right_token_it_answers_401_and_asks_nobody() {
    let node = Node::builder().crictl_script("touch asked; echo '{\"images\":[]}'").node_api("t0ken");
    let program = node.start().unwrap();
    let trace = program.node().path("asked");
    for authorization in
        [None, Some("Bearer wrong"), Some("Bearer "), Some("Bearer t0ken2"), Some("Basic t0ken"), Some("t0ken")]
    {
        let answer = ask(&program, Method::GET, authorization).await;
        assert_eq!(answer.status(), 401, "{authorization:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert!(!trace.exists());
    assert_eq!(ask(&program, Method::GET, Some("Bearer t0ken")).await.status(), 200);
    assert!(trace.exists(), "the trace that is not left would be left");
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let program = recorded().node_api("t0ken\n").start().unwrap();
    let answer = ask(&program, Method::POST, Some("Bearer t0ken")).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET, HEAD");
}

#[tokio::test]
async fn a_failing_crictl_is_a_problem_that_says_why() {
    let program = Node::builder().crictl_script("echo no runtime >&2; exit 3").node_api("t0ken").start().unwrap();
    let answer = ask(&program, Method::GET, Some("Bearer t0ken")).await;
    assert_eq!(answer.status(), 502);
    let problem: Value = answer.json().await.unwrap();
    assert_says(problem["detail"].as_str().unwrap(), &["no runtime"]);
}

#[tokio::test]
async fn clients_that_ask_at_once_and_read_slowly_share_one_process_of_crictl_and_one_text() {
    // 8 MB of text, two seconds after the first request.
    let tags = |image: usize| (0..8).map(move |tag| format!("registry.example.com/{}:v{image}.{tag}", "x".repeat(70)));
    let image = |number| json!({"id": format!("sha256:{number:064x}"), "repoTags": tags(number).collect::<Vec<_>>(), "size": "1"});
    let images = json!({"images": (0..10_000).map(image).collect::<Vec<_>>()});
    let node = Node::builder().images(images.to_string()).node_api("t0ken");
    let program = node.crictl_script("echo run >> runs; sleep 2; cat images.json").start().unwrap();
    let heads = (0..60).map(|_| async {
        let mut client = RawClient::connect(&program.address).await.unwrap();
        let head = "GET /v1/crictl/images HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t0ken\r\n\r\n";
        client.send(head).await.unwrap();
        let head = client.head().await.unwrap();
        // Nobody reads the rest while others wait for theirs.
        (client, head)
    });
    let clients = futures::future::join_all(heads).await;
    assert!(clients.iter().all(|(_, head)| head.starts_with("HTTP/1.1 200 ")));
    let runs = program.node().read("runs").lines().count();
    assert!(runs <= 2, "{runs} processes of crictl");
    let peak = program.peak_memory().unwrap() / 1024;
    assert!(peak < 300, "{peak} MiB");
}

#[tokio::test]
async fn more_requests_than_may_be_under_way_or_wait_get_503_with_retry_after() {
    let node = recorded().node_api("t0ken").config(json!({"limits_config": {"max_requests": 1, "max_waiting": 0}}));
    let program =
        node.crictl_script("while ! test -e end; do sleep 0.05; done; echo '{\"images\":[]}'").start().unwrap();
    let answers = async {
        let both = [(); 2].map(|()| ask(&program, Method::GET, Some("Bearer t0ken")));
        futures::future::select_all(both.map(Box::pin)).await
    };
    let (refused, _, others) = answers.await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    program.node().write("end", "").unwrap();
    assert_eq!(futures::future::join_all(others).await[0].status(), 200);
}

#[tokio::test]
async fn it_is_off_by_default() {
    let program = recorded().start().unwrap();
    assert_eq!(ask(&program, Method::GET, Some("Bearer t0ken")).await.status(), 404);
}

#[tokio::test]
async fn enabled_without_a_usable_token_file_the_program_does_not_start() {
    for (node_api, expected) in [
        (json!({"enabled": true}), "node_api is enabled without a token_file"),
        (json!({"enabled": true, "token_file": "nothing"}), "nothing can't be read"),
        (json!({"enabled": true, "token_file": "empty"}), "empty holds no token"),
    ] {
        let node = recorded().file("empty", " \n").config(json!({"node_api": node_api})).build().unwrap();
        let refusal = node.launch().refusal().await.unwrap();
        assert_says(&refusal.stderr, &[expected]);
        assert_eq!(refusal.code, Some(2));
    }
}
