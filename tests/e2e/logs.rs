//! Logs: a line a request, for people or for programs, whole whatever a client sends, and complete at the end.

use ::http::Method;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use image_service_tests::{Fault, Harbor, Node, Program, Version};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

fn two_images() -> Value {
    let image = |id: &str| json!({"id": format!("sha256:{id}"), "repoTags": ["a/b:1"], "size": "1"});
    let images = json!({"images": [image("a24bb4013296f61e"), image("b24bb4013296f61e")]});
    json!({"mode": "exec", "command": ["echo", images.to_string()]})
}

/// Ends the program, so that all is written, and reads its stderr, in which every line has to be JSON.
fn lines(node: &Node, program: Program) -> Vec<Value> {
    assert_eq!(program.terminate().unwrap().code(), Some(0));
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    node.log().lines().map(read).collect()
}

/// The lines of requests among them.
fn requests(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["target"] == "image_service::request").collect()
}

#[tokio::test]
async fn a_request_is_a_line_with_what_came_of_it() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 1).fault("/c/", Fault::Status(500));
    let harbor = harbor.start().await.unwrap();
    let node = Node::with_harbor(two_images(), &harbor).unwrap();
    let program = node.start_logging().unwrap();
    let headers = [("x-request-id", "mine-1")];
    let response = program.request_with(Method::GET, "//images?x=s3cret", &headers).await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    let length = response.bytes().await.unwrap().len();
    let lines = lines(&node, program);
    let [line] = requests(&lines)[..] else { panic!("{lines:?}") };
    assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("INFO"), Some("answered")));
    assert_eq!((line["id"].as_str(), line["method"].as_str()), (Some("mine-1"), Some("GET")));
    assert_eq!((line["route"].as_str(), line["path"].as_str()), (Some("/images"), Some("//images")));
    assert_eq!((line["status"].as_u64(), line["bytes"].as_u64()), (Some(200), Some(length as u64)));
    assert_eq!((line["rows_containerd"].as_u64(), line["rows_harbor"].as_u64()), (Some(2), Some(3)));
    assert_eq!(line["errors"], 1);
    assert!(line["seconds"].as_f64().unwrap() > 0.0 && line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line.get("cache").is_none(), "there is no cache: {line}");
    assert!(!node.log().contains("s3cret"), "a query may hold what is nobody's business");
}

#[tokio::test]
async fn a_kept_answer_is_a_line_that_says_so_with_its_rows() {
    let config = json!({"crictl_config": two_images(), "cache_config": {"lifetime": 60}});
    let node = Node::configured(&config).unwrap();
    let program = node.start_logging().unwrap();
    // Harbor is not configured, which is an error; such an answer is kept for a second only.
    for _ in 0..2 {
        program.images().await.unwrap();
        // Whoever asks before the end was taken note of follows the first.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let lines = lines(&node, program);
    let told: Vec<_> = requests(&lines)
        .iter()
        .map(|line| (line["cache"].as_str().unwrap(), line["rows_containerd"].as_u64(), line["errors"].as_u64()))
        .collect();
    assert_eq!(told, [("miss", Some(2), Some(1)), ("hit", Some(2), Some(1))]);
}

#[tokio::test]
async fn an_id_is_made_where_the_clients_is_missing_or_odd() {
    let node = Node::configured(&json!({})).unwrap();
    let program = node.start_logging().unwrap();
    let mut ids = Vec::new();
    for headers in [&[][..], &[("x-request-id", "a b")], &[("x-request-id", "{\"a\":1}")]] {
        let response = program.request_with(Method::GET, "/nowhere", headers).await.unwrap();
        ids.push(response.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    let lines = lines(&node, program);
    let told: Vec<_> = requests(&lines).iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(told, ids);
    assert!(ids.iter().all(|id| id.len() == 16) && ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(requests(&lines)[0]["route"], "other");
}

#[tokio::test]
async fn probes_are_lines_at_debug_only() {
    for (level, number) in [("INFO", 1), ("DEBUG", 3)] {
        let node = Node::configured(&json!({"app_config": {"log_level_app": level}})).unwrap();
        let program = node.start_logging().unwrap();
        for path in ["/healthz", "/readyz", "/nowhere"] {
            program.get(path).await.unwrap();
        }
        assert_eq!(requests(&lines(&node, program)).len(), number, "{level}");
    }
    let node = Node::configured(&json!({"app_config": {"log_level_app": "WARNING"}})).unwrap();
    let program = node.start_logging().unwrap();
    program.get("/nowhere").await.unwrap();
    assert_eq!(lines(&node, program), [Value::Null; 0]);
}

#[tokio::test]
async fn whatever_a_client_or_a_source_says_is_within_one_line() {
    let crictl = json!({"mode": "exec", "command": ["printf", "x\\n{\"level\":\"ERROR\"}\\r\\033[31m\\n"]});
    let node = Node::configured(&json!({"crictl_config": crictl, "app_config": {"log_level_app": "DEBUG"}})).unwrap();
    let program = node.start_logging().unwrap();
    let evil = "/a%0A%1b[31m\"b\"\\{\"level\":\"ERROR\"}";
    let mut stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    let request = format!("GET {evil} HTTP/1.1\r\nhost: x\r\nx-request-id: \x7f\u{9b}31m\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    program.images().await.unwrap();
    // Every line is JSON.
    let lines = lines(&node, program);
    assert!(lines.iter().all(|line| line["level"] != "ERROR"), "{lines:?}");
    assert!(node.log().chars().all(|c| c == '\n' || !c.is_control()));
}

#[tokio::test]
async fn an_answer_of_known_length_or_without_a_body_is_answered_when_it_has_been_sent() {
    let many: Vec<Value> = (0..3000)
        .map(
            |number| json!({"id": format!("sha256:{number:016x}"), "repoTags": [format!("a/b:{number}")], "size": "1"}),
        )
        .collect();
    let node = Node::configured(&json!({"cache_config": {"lifetime": 60}})).unwrap();
    std::fs::write(node.path().join("images"), json!({"images": many}).to_string()).unwrap();
    let crictl = json!({"mode": "exec", "command": ["cat", node.path().join("images")]});
    node.configure(&json!({"crictl_config": crictl, "cache_config": {"lifetime": 60}})).unwrap();
    let program = node.start_logging().unwrap();
    for method in [Method::GET, Method::GET, Method::HEAD] {
        let response = program.request(method, "/images").await.unwrap();
        response.bytes().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let lines = lines(&node, program);
    let told =
        requests(&lines).into_iter().map(|line| (line["message"].as_str().unwrap(), line["cache"].as_str().unwrap()));
    assert_eq!(told.collect::<Vec<_>>(), [("answered", "miss"), ("answered", "hit"), ("answered", "hit")]);
}

#[tokio::test]
async fn an_answer_whose_client_left_is_a_line_that_says_so() {
    let gate = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(Arc::clone(&gate)));
    let harbor = harbor.start().await.unwrap();
    let node = Node::with_harbor(two_images(), &harbor).unwrap();
    let program = node.start_logging().unwrap();
    let mut stream = TcpStream::connect(program.address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET /images HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    harbor.wait_for("/artifacts", 1).await.unwrap();
    drop(stream);
    node.await_log("\"image_service::request\"").await.unwrap();
    gate.add_permits(100);
    let lines = lines(&node, program);
    let message = requests(&lines)[0]["message"].as_str().unwrap();
    assert!(["the answer broke off", "the client left before the answer"].contains(&message), "{message}");
}

#[tokio::test]
async fn no_line_is_lost_when_the_program_ends() {
    let node = Node::configured(&json!({})).unwrap();
    let program = node.start_logging().unwrap();
    let asked = (0..500).map(|_| program.get("/nowhere"));
    for response in futures::future::join_all(asked).await {
        response.unwrap().bytes().await.unwrap();
    }
    assert_eq!(requests(&lines(&node, program)).len(), 500);
}

#[tokio::test]
async fn log_files_are_for_people_and_stderr_for_whom_it_is_said() {
    for (format, stderr_is_json, file_is_json) in [("auto", true, false), ("human", false, false), ("json", true, true)]
    {
        let node = Node::configured(&json!({"app_config": {"log_format": format, "log_file": "app.log"}})).unwrap();
        let program = node.start_logging().unwrap();
        program.get("/nowhere").await.unwrap().bytes().await.unwrap();
        assert_eq!(program.terminate().unwrap().code(), Some(0));
        for (text, is_json) in [(node.log(), stderr_is_json), (node.read("app.log"), file_is_json)] {
            let line = text.lines().find(|line| line.contains("image_service::request")).unwrap();
            assert_eq!(serde_json::from_str::<Value>(line).is_ok(), is_json, "{format}: {line}");
            assert!(line.contains("INFO") && line.contains("/nowhere") && line.contains("404"), "{line}");
            assert!(is_json || line.contains(" INFO image_service::request: answered id="), "{line}");
        }
    }
}

#[tokio::test]
async fn a_journal_that_is_wanted_and_not_there_is_said() {
    if std::path::Path::new("/run/systemd/journal/socket").exists() {
        return;
    }
    let node = Node::configured(&json!({"app_config": {"log_format": "journald"}})).unwrap();
    let output = std::process::Command::new(Program::path())
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(node.config())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("app_config.log_format is journald, but no journal listens here"), "{said}");
}

#[tokio::test]
async fn what_the_handler_tells_the_host_never_reaches_clients() {
    for lifetime in [0, 60] {
        let config = json!({"crictl_config": two_images(), "cache_config": {"lifetime": lifetime}});
        let node = Node::configured(&config).unwrap();
        let program = node.start().unwrap();
        let address = program.address.trim_start_matches("http://").to_owned();
        let stream = TokioIo::new(TcpStream::connect(&address).await.unwrap());
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..2 {
            let request = ::http::Request::get(format!("http://{address}/images")).header("te", "trailers");
            let response = client.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
            assert!(response.headers().keys().all(|name| !name.as_str().starts_with("image-service")));
            let body = response.into_body().collect().await.unwrap();
            assert!(body.trailers().is_none(), "{:?}", body.trailers());
        }
    }
}
