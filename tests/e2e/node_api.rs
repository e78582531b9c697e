//! The node API: what crictl says on this node, for compositions that run elsewhere.

use image_service_tests::{Node, Program};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const JSON: &str = include_str!("../../components/lib/image-model/testdata/crictl-1.36-images.json");
const FIXTURE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../components/lib/image-model/testdata/crictl-1.36-images.json");

fn node(command: &[&str], node_api: Value) -> Node {
    let crictl = json!({"mode": "exec", "command": command});
    let node = Node::configured(&json!({"crictl_config": crictl, "node_api": node_api})).unwrap();
    std::fs::write(node.path().join("token"), "t0ken\n").unwrap();
    node
}

fn enabled() -> Value {
    json!({"enabled": true, "token_file": "token"})
}

async fn asked(program: &Program, method: Method, authorization: Option<&str>) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("{}/v1/crictl/images", program.address));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn with_the_token_it_answers_the_very_json_of_crictl() {
    let program = node(&["cat", FIXTURE], enabled()).start().unwrap();
    let answer = asked(&program, Method::GET, Some("Bearer t0ken")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), JSON);
}

#[tokio::test]
async fn without_the_right_token_it_answers_401_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("asked");
    let script = format!("touch {}; echo '{{\"images\":[]}}'", trace.display());
    let node = node(&["sh", "-c", &script], enabled());
    let program = node.start().unwrap();
    for authorization in
        [None, Some("Bearer wrong"), Some("Bearer "), Some("Bearer t0ken2"), Some("Basic t0ken"), Some("t0ken")]
    {
        let answer = asked(&program, Method::GET, authorization).await;
        assert_eq!(answer.status(), 401, "{authorization:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert!(!trace.exists());
    assert_eq!(asked(&program, Method::GET, Some("Bearer t0ken")).await.status(), 200);
    assert!(trace.exists(), "the trace that is not left would be left");
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let program = node(&["cat", FIXTURE], enabled()).start().unwrap();
    let answer = asked(&program, Method::POST, Some("Bearer t0ken")).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET, HEAD");
}

#[tokio::test]
async fn a_failing_crictl_is_a_problem_that_says_why() {
    let program = node(&["sh", "-c", "echo no runtime >&2; exit 3"], enabled()).start().unwrap();
    let answer = asked(&program, Method::GET, Some("Bearer t0ken")).await;
    assert_eq!(answer.status(), 502);
    let problem: Value = answer.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("no runtime"), "{problem}");
}

#[tokio::test]
async fn it_is_off_by_default() {
    let program = node(&["cat", FIXTURE], json!({})).start().unwrap();
    assert_eq!(asked(&program, Method::GET, Some("Bearer t0ken")).await.status(), 404);
}

#[tokio::test]
async fn enabled_without_a_usable_token_file_the_program_does_not_start() {
    for (node_api, expected) in [
        (json!({"enabled": true}), "node_api is enabled without a token_file"),
        (json!({"enabled": true, "token_file": "nothing"}), "nothing can't be read"),
        (json!({"enabled": true, "token_file": "empty"}), "empty holds no token"),
    ] {
        let node = node(&["cat", FIXTURE], node_api);
        std::fs::write(node.path().join("empty"), " \n").unwrap();
        let output = std::process::Command::new(Program::path())
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(node.config())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(output.status.code(), Some(2));
    }
}
