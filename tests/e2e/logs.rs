//! Logs: a line a request, for people or for programs, whole whatever a client sends, and complete at the end.

use crate::listing::assert_says;
use ::http::Method;
use http_body_util::{BodyExt, Empty};
use image_service_tests::{
    Fault, Gate, Harbor, Node, NodeBuilder, Program, Version, eventually, http2, numbered_images, test_component,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A node with two images.
fn two_images() -> NodeBuilder {
    Node::builder().images(include_str!("../fixtures/two-images.json"))
}

/// A node with this `app_config`.
fn app(config: Value) -> NodeBuilder {
    Node::builder().config(json!({"app_config": config}))
}

/// Ends the program, so that all is written, and reads its stderr, in which every line has to be JSON.
async fn lines(program: &mut Program) -> Vec<Value> {
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    program.log().lines().map(read).collect()
}

/// Waits until the cache holds an answer: it keeps one a moment after the last byte was sent.
async fn await_kept(program: &Program) {
    let kept = async || program.metrics().await.unwrap().get("image_service_cache_kept_bytes") > Some(0.0);
    eventually("a kept answer", kept).await.unwrap();
}

/// The lines of requests among them, without those with which a test itself reads metrics.
fn requests(lines: &[Value]) -> Vec<&Value> {
    let is_request = |line: &&Value| line["target"] == "image_service::request" && line["route"] != "/metrics";
    lines.iter().filter(is_request).collect()
}

#[tokio::test]
async fn a_request_is_a_line_with_what_came_of_it() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 1).fault("/c/", Fault::Status(500));
    let harbor = harbor.start().await.unwrap();
    let mut program = two_images().harbor(&harbor).start().unwrap();
    let headers = [("x-request-id", "mine-1")];
    let response = program.request(Method::GET, "//images?x=s3cret", &headers).await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    let length = response.bytes().await.unwrap().len();
    let lines = lines(&mut program).await;
    let [line] = requests(&lines)[..] else { panic!("{lines:?}") };
    assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("INFO"), Some("answered")));
    assert_eq!((line["id"].as_str(), line["method"].as_str()), (Some("mine-1"), Some("GET")));
    assert_eq!((line["route"].as_str(), line["path"].as_str()), (Some("/images"), Some("//images")));
    assert_eq!((line["status"].as_u64(), line["bytes"].as_u64()), (Some(200), Some(length as u64)));
    assert_eq!((line["rows_containerd"].as_u64(), line["rows_harbor"].as_u64()), (Some(2), Some(3)));
    assert_eq!(line["errors"], 1);
    assert!(line["seconds"].as_f64().unwrap() > 0.0 && line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line.get("cache").is_none(), "there is no cache: {line}");
    assert!(!program.log().contains("s3cret"), "a query may hold what is nobody's business");
}

#[tokio::test]
async fn a_kept_answer_is_a_line_that_says_so_with_its_rows() {
    let mut program = two_images().cache_lifetime(60).start().unwrap();
    for _ in 0..2 {
        program.images().await.unwrap();
        await_kept(&program).await;
    }
    let lines = lines(&mut program).await;
    let told: Vec<_> = requests(&lines)
        .iter()
        .map(|line| (line["cache"].as_str().unwrap(), line["rows_containerd"].as_u64(), line["errors"].as_u64()))
        .collect();
    assert_eq!(told, [("miss", Some(2), Some(0)), ("hit", Some(2), Some(0))]);
}

#[tokio::test]
async fn the_program_makes_an_id_where_the_clients_is_missing_or_odd() {
    let mut program = app(json!({})).start().unwrap();
    let mut ids = Vec::new();
    for headers in [&[][..], &[("x-request-id", "a b")], &[("x-request-id", "{\"a\":1}")]] {
        let response = program.request(Method::GET, "/nowhere", headers).await.unwrap();
        ids.push(response.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    let lines = lines(&mut program).await;
    let told: Vec<_> = requests(&lines).iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(told, ids);
    assert!(ids.iter().all(|id| id.len() == 16) && ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(requests(&lines)[0]["route"], "other");
}

#[tokio::test]
async fn probes_are_lines_at_debug_only() {
    for (level, number) in [("INFO", 1), ("DEBUG", 3)] {
        let mut program = app(json!({"log_level_app": level})).start().unwrap();
        for path in ["/healthz", "/readyz", "/nowhere"] {
            program.get(path).await.unwrap();
        }
        assert_eq!(requests(&lines(&mut program).await).len(), number, "{level}");
    }
    let mut program = app(json!({"log_level_app": "WARNING"})).start().unwrap();
    program.get("/nowhere").await.unwrap();
    assert_eq!(lines(&mut program).await, [Value::Null; 0]);
}

#[tokio::test]
async fn no_text_of_a_client_or_a_source_breaks_a_line() {
    let node = app(json!({"log_level_app": "DEBUG"}));
    let node = node.crictl(&["printf", "x\\n{\"level\":\"ERROR\"}\\r\\033[31m\\n"]);
    let mut program = node.start().unwrap();
    let evil = "/a%0A%1b[31m\"b\"\\{\"level\":\"ERROR\"}";
    let mut stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    let request = format!("GET {evil} HTTP/1.1\r\nhost: x\r\nx-request-id: \x7f\u{9b}31m\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    program.images().await.unwrap();
    // Every line is JSON.
    let lines = lines(&mut program).await;
    assert!(lines.iter().all(|line| line["level"] != "ERROR"), "{lines:?}");
    assert!(program.log().chars().all(|c| c == '\n' || !c.is_control()));
}

#[tokio::test]
async fn an_answer_of_known_length_or_without_a_body_is_answered_when_it_has_been_sent() {
    let mut program = Node::builder().images(numbered_images(3000)).cache_lifetime(60).start().unwrap();
    for method in [Method::GET, Method::GET, Method::HEAD] {
        program.request(method, "/images", &[]).await.unwrap().bytes().await.unwrap();
        await_kept(&program).await;
    }
    let lines = lines(&mut program).await;
    let told =
        requests(&lines).into_iter().map(|line| (line["message"].as_str().unwrap(), line["cache"].as_str().unwrap()));
    assert_eq!(told.collect::<Vec<_>>(), [("answered", "miss"), ("answered", "hit"), ("answered", "hit")]);
}

#[tokio::test]
async fn an_answer_with_trailers_is_answered_when_they_have_been_sent() {
    for lifetime in [0, 60] {
        let node = Node::builder().composition(test_component("misbehaving")).cache_lifetime(lifetime);
        let mut program = node.config(json!({"app_config": {"log_format": "json"}})).start().unwrap();
        let address = program.address.trim_start_matches("http://").to_owned();
        for method in [Method::POST, Method::GET] {
            program.request(method.clone(), "/with-trailers", &[]).await.unwrap().bytes().await.unwrap();
            let (mut client, _) = http2(TcpStream::connect(&address).await.unwrap(), 65_535).await.unwrap();
            let request = ::http::Request::builder().method(method).uri(format!("http://{address}/with-trailers"));
            let request = request.header("te", "trailers").body(Empty::new()).unwrap();
            client.send_request(request).await.unwrap().into_body().collect().await.unwrap();
        }
        let lines = lines(&mut program).await;
        let messages: Vec<_> = requests(&lines).into_iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["answered"; 4], "lifetime {lifetime}");
    }
}

#[tokio::test]
async fn an_answer_whose_client_left_is_a_line_that_says_so() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let mut program = two_images().harbor(&harbor).start().unwrap();
    let mut stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    harbor.await_requests("/artifacts", 1).await.unwrap();
    drop(stream);
    program.await_log("\"image_service::request\"").await.unwrap();
    gate.open();
    let lines = lines(&mut program).await;
    let message = requests(&lines)[0]["message"].as_str().unwrap();
    assert!(["the answer broke off", "the client left before the answer"].contains(&message), "{message}");
}

#[tokio::test]
async fn no_line_is_lost_when_the_program_ends() {
    let mut program = app(json!({})).start().unwrap();
    let asked = (0..500).map(|_| program.get("/nowhere"));
    for response in futures::future::join_all(asked).await {
        response.unwrap().bytes().await.unwrap();
    }
    assert_eq!(requests(&lines(&mut program).await).len(), 500);
}

#[tokio::test]
async fn log_format_sets_the_form_of_stderr_and_log_files_are_for_people() {
    for (format, stderr_is_json, file_is_json) in [("auto", true, false), ("human", false, false), ("json", true, true)]
    {
        let mut program = app(json!({"log_format": format, "log_file": "app.log"})).start().unwrap();
        program.get("/nowhere").await.unwrap().bytes().await.unwrap();
        assert_eq!(program.terminate().await.unwrap().code(), Some(0));
        let file = program.node().read("app.log");
        for (text, is_json) in [(program.log(), stderr_is_json), (file, file_is_json)] {
            let line = text.lines().find(|line| line.contains("image_service::request")).unwrap();
            assert_eq!(serde_json::from_str::<Value>(line).is_ok(), is_json, "{format}: {line}");
            assert!(line.contains("INFO") && line.contains("/nowhere") && line.contains("404"), "{line}");
            assert!(is_json || line.contains(" INFO image_service::request: answered id="), "{line}");
        }
    }
}

#[tokio::test]
async fn a_journal_that_is_configured_and_absent_is_an_error() {
    if std::path::Path::new("/run/systemd/journal/socket").exists() {
        return;
    }
    let refusal = app(json!({"log_format": "journald"})).build().unwrap().launch().refusal().await.unwrap();
    assert_eq!(refusal.code, Some(2));
    assert_says(&refusal.stderr, &["app_config.log_format is journald, but no journal listens here"]);
}

#[tokio::test]
async fn trailers_of_the_handler_for_the_host_never_reach_clients() {
    for lifetime in [0, 60] {
        let program = two_images().cache_lifetime(lifetime).start().unwrap();
        let address = program.address.trim_start_matches("http://").to_owned();
        let (mut client, _) = http2(TcpStream::connect(&address).await.unwrap(), 65_535).await.unwrap();
        for _ in 0..2 {
            let request = ::http::Request::get(format!("http://{address}/images")).header("te", "trailers");
            let response = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
            assert!(response.headers().keys().all(|name| !name.as_str().starts_with("image-service")));
            let body = response.into_body().collect().await.unwrap();
            assert!(body.trailers().is_none(), "{:?}", body.trailers());
        }
    }
}
