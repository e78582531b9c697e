//! Secrets: where they may stand, and that nothing ever shows them, whatever goes wrong and however much is logged.

use crate::listing::{assert_says, harbor_rows, with};
use futures::StreamExt;
use http::Method;
use image_service_tests::{
    Authority, Fault, Gate, Harbor, Launch, NO_IMAGES, Node, NodeBuilder, Version, test_component,
};
use serde_json::{Value, json};
use std::time::Duration;

/// The double's password, as it stands and as it is sent in base64, at each place that it can have in there.
const PASSWORD: [&str; 4] = ["s3cret", "czNjcmV0", "MzY3Jld", "zM2NyZX"];
/// The node API's token.
const TOKEN: &str = "t0ken-m4rk3r";

fn assert_hidden(what: &str, text: &str) {
    for secret in PASSWORD.iter().chain([&TOKEN]) {
        if let Some(at) = text.find(secret) {
            let around: String = text[..at].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("{what} shows {secret}: …{around}>>>");
        }
    }
}

/// A node that logs all that there is, with a secret in each place, and this Harbor.
fn node(harbor: &Harbor, crictl: &str) -> NodeBuilder {
    let logs = json!({"log_level_app": "NOTSET", "log_level_file_handler": "NOTSET", "log_file": "app.log"});
    Node::builder()
        .crictl_script(crictl)
        .harbor(harbor)
        .node_api(TOKEN)
        .config(json!({"harbor_config": {"timeout": 0.5, "retries": 1}, "crictl_config": {"timeout": 0.5}}))
        .config(json!({"app_config": with(logs, "response_timeout", 2)}))
}

/// A crictl without images.
fn no_images() -> String {
    format!("echo '{NO_IMAGES}'")
}

/// All that the commands say on this node.
async fn commands(node: &Node) -> String {
    let run = async |command: &str| {
        let outcome = node.run(&[command]).await.unwrap();
        outcome.stdout + &outcome.stderr
    };
    run("check").await + &run("list").await
}

/// Asks for everything, and returns all that comes and is logged.
async fn served(node: &Node) -> String {
    let mut program = node.start().unwrap();
    let mut said = String::new();
    let authorization = format!("Bearer {TOKEN}");
    for (path, authorization) in [
        ("/images", None),
        ("/images", Some("Basic cm9ib3QkY2k6czNjcmV0")),
        ("/v1/crictl/images", Some(authorization.as_str())),
        ("/v1/crictl/images", Some("Bearer wrong")),
        ("/metrics", None),
        ("/healthz", None),
        ("/elsewhere", None),
    ] {
        let headers: Vec<(&str, &str)> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        let response = program.request(Method::GET, path, &headers).await.unwrap();
        said += &format!("{:?}", response.headers());
        said += &response.text().await.unwrap_or_default();
    }
    // A config that is broken where the password stands, and the old one again.
    let config = node.read("config.json");
    node.write("config.json", config.replace(r#""s3cret""#, r#"["s3cret"]"#)).unwrap();
    program.reload_in_vain().await.unwrap();
    node.write("config.json", config).unwrap();
    program.reload().await.unwrap();
    assert!(program.terminate().await.unwrap().success());
    said + &node.log() + &node.read("app.log")
}

/// Every way in which Harbor goes wrong.
fn faults() -> Vec<(&'static str, Fault)> {
    let elsewhere = "http://127.0.0.1:1".to_owned();
    let mut faults: Vec<(&str, Fault)> = vec![
        ("/", Fault::RetryAfter(1)),
        ("/", Fault::Reset),
        ("/", Fault::Stall),
        ("/", Fault::Trickle(Duration::from_secs(1))),
        ("/", Fault::Html),
        ("/", Fault::BrokenOff),
        ("/artifacts", Fault::Huge),
        ("/", Fault::Silent),
        ("/", Fault::Held(Gate::closed())),
        ("/", Fault::RedirectTo(elsewhere.clone())),
        ("/", Fault::RedirectLoop),
        ("/artifacts", Fault::NextPageAt(elsewhere)),
        ("/", Fault::NoPaging),
        ("/", Fault::Times(1, Box::new(Fault::Status(503)))),
    ];
    faults.extend([400, 401, 403, 404, 422, 429, 500, 502, 503].map(|status| ("/", Fault::Status(status))));
    faults.extend([401, 500].map(|status| ("/artifacts", Fault::Status(status))));
    faults
}

#[tokio::test]
async fn no_fault_of_harbor_has_a_secret_shown_at_any_level_of_logging() {
    let checks = faults().into_iter().map(|(part, fault)| async move {
        let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault(part, fault.clone()).start().await.unwrap();
        let said = served(&node(&harbor, &no_images()).build().unwrap()).await;
        assert!(said.contains("TRACE"), "nothing was traced");
        assert_hidden(&format!("{fault:?} at {part}"), &said);
        assert!(harbor.requests().iter().any(|request| request.login().is_some()), "the password was never sent");
    });
    futures::stream::iter(checks).buffer_unordered(4).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn neither_http_2_nor_tls_nor_a_certificate_that_is_not_trusted_has_a_secret_shown() {
    let authority = Authority::new().unwrap();
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).tls(authority.server(&["127.0.0.1"]).unwrap());
    let harbor = harbor.start().await.unwrap();
    let node = node(&harbor, &no_images()).build().unwrap();
    assert_hidden("an untrusted certificate", &served(&node).await);
    assert_eq!(harbor.requests().len(), 0);
    node.configure(json!({"harbor_config": {"verify_ssl": false}})).unwrap();
    assert_hidden("HTTP/2", &served(&node).await);
    let requests = harbor.requests();
    assert!(requests.iter().any(|request| request.version == http::Version::HTTP_2 && request.login().is_some()));
}

#[tokio::test]
async fn no_fault_of_crictl_and_no_command_has_a_secret_shown() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    for script in ["echo garbage", "echo no >&2; exit 3", "sleep 60", "head -c 20000000 /dev/zero", "env; exit 1"] {
        let node = node(&harbor, script).build().unwrap();
        assert_hidden(script, &(served(&node).await + &commands(&node).await));
    }
}

#[tokio::test]
async fn a_component_that_ends_badly_shows_no_secret() {
    let harbor = Harbor::of(Version::V2_12).start().await.unwrap();
    let program = node(&harbor, &no_images()).composition(test_component("misbehaving")).start().unwrap();
    let node = program.node().clone();
    for (path, status) in [("/trap", 500), ("/spin", 504), ("/allocate", 500)] {
        let response = program.request(Method::GET, path, &[("authorization", TOKEN)]).await.unwrap();
        assert_eq!(response.status(), status);
        assert_hidden(path, &response.text().await.unwrap());
    }
    drop(program);
    assert_hidden("the log", &(node.log() + &node.read("app.log")));
}

#[tokio::test]
async fn a_config_that_is_refused_shows_no_secret() {
    let node = Node::builder().build().unwrap();
    for text in [
        r#"{"harbor_config": {"password": ["s3cret"]}}"#,
        r#"{"harbor_config": {"password": {"s3cret": "s3cret"}}}"#,
        r#"{"harbor_config": "s3cret"}"#,
        r#"{"harbor_config": {"password": "s3cret", }}"#,
        r#"{"harbor_config": {"password": "s3cret"}"#,
        r#"{"harbor_config": {"password": "s3cret"}} s3cret"#,
        r#"{"harbor_config": {"password": "s3cret", "url": "https://robot:s3cret@harbor.example.com"}}"#,
        r#"{"harbor_config": {"password": "s3cret", "url": "https://harbor.example.com", "page_size": 0}}"#,
    ] {
        node.write("config.json", text).unwrap();
        let said = commands(&node).await;
        assert!(said.contains("image-service: "), "{text} is accepted");
        assert_hidden(text, &said);
    }
}

/// How many rows the program lists of a project that only the logged in see, on a node with these files.
async fn rows(harbor_config: Value, files: &[(&str, &str)], prepare: impl FnOnce(Launch, &Node) -> Launch) -> usize {
    let node = Node::builder().no_images().config(json!({"harbor_config": harbor_config}));
    let node = files.iter().fold(node, |node, (name, content)| node.file(name, *content)).build().unwrap();
    let images = prepare(node.launch(), &node).start().unwrap().images().await.unwrap();
    harbor_rows(&images).len()
}

#[tokio::test]
async fn the_password_may_come_from_the_environment_a_credential_or_a_file_in_this_order() {
    let harbor = Harbor::of(Version::V2_12).repository("secret/b", 3).private("secret").start().await.unwrap();
    let wrong = with(harbor.config(), "password", "wrong");
    let file = with(harbor.config(), "password", Value::Null);
    let (file, wrong_and_file) = (with(file, "password_file", "pw"), with(wrong.clone(), "password_file", "pw"));
    let plain = |launch, _: &Node| launch;
    let credential = |launch: Launch, node: &Node| launch.variable("CREDENTIALS_DIRECTORY", node.folder());
    let variable = |launch, node: &Node| credential(launch, node).variable("HARBOR_PASSWORD", "s3cret");
    assert_eq!(rows(file, &[("pw", "s3cret\n")], plain).await, 3);
    assert_eq!(rows(wrong_and_file.clone(), &[("pw", "s3cret")], plain).await, 3, "the file counts");
    let both = [("pw", "wrong"), ("harbor_password", "s3cret")];
    assert_eq!(rows(wrong_and_file.clone(), &both, credential).await, 3, "the credential counts");
    assert_eq!(rows(wrong, &[], credential).await, 0, "there is no credential");
    let none = [("pw", "wrong"), ("harbor_password", "wrong")];
    assert_eq!(rows(wrong_and_file, &none, variable).await, 3, "the variable counts");
}

#[tokio::test]
async fn files_with_a_secret_that_everybody_may_read_are_warned_about() {
    let harbor = Harbor::of(Version::V2_12).start().await.unwrap();
    let node = node(&harbor, &no_images()).build().unwrap();
    node.set_mode("config.json", 0o644).unwrap();
    node.set_mode("node-api-token", 0o604).unwrap();
    let said = commands(&node).await;
    assert_says(&said, &["config.json holds a secret", "(mode 0644)", "chmod 600"]);
    assert_says(&said, &["password_file", "token_file", "(mode 0604)"]);
    node.set_mode("config.json", 0o640).unwrap();
    node.set_mode("node-api-token", 0o600).unwrap();
    assert!(!commands(&node).await.contains("holds a secret"));
}
