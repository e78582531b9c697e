//! Secrets: where they may stand, and that nothing ever shows them, whatever goes wrong and however much is logged.

use image_service_tests::{Authority, Fault, Harbor, Node, Program, Version, test_component};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use tokio::sync::Semaphore;

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
fn node(harbor: &Harbor, crictl: &str) -> Node {
    let mut harbor_config = harbor.config();
    harbor_config["timeout"] = json!(0.5);
    harbor_config["retries"] = json!(1);
    let node = Node::new(json!({})).unwrap();
    std::fs::write(node.path().join("token"), TOKEN).unwrap();
    let config = json!({
        "crictl_config": {"mode": "exec", "command": ["sh", "-c", crictl], "timeout": 0.5},
        "harbor_config": harbor_config,
        "app_config": {
            "log_level_app": "NOTSET", "log_level_file_handler": "NOTSET", "log_file": "app.log", "response_timeout": 2,
        },
        "node_api": {"enabled": true, "token_file": "token"},
    });
    node.configure(&config).unwrap();
    node
}

/// All that the commands say on this node.
fn commands(node: &Node) -> String {
    let run = |command: &str| {
        let output = Command::new(Program::path()).args([command, "--config"]).arg(node.config()).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    run("check") + &run("list")
}

/// Asks for everything, and returns all that comes and is logged.
async fn served(node: &Node) -> String {
    let program = node.start_logging().unwrap();
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
        let response = program.request_with(http::Method::GET, path, &headers).await.unwrap();
        said += &format!("{:?}", response.headers());
        said += &response.text().await.unwrap_or_default();
    }
    // A config that is broken where the password stands, and the old one again.
    let config = std::fs::read_to_string(node.config()).unwrap();
    std::fs::write(node.config(), config.replace(r#""s3cret""#, r#"["s3cret"]"#)).unwrap();
    program.hang_up().unwrap();
    node.await_log("nothing was changed").await.unwrap();
    std::fs::write(node.config(), config).unwrap();
    program.hang_up().unwrap();
    node.await_log("was read again").await.unwrap();
    assert!(program.terminate().unwrap().success());
    said + &node.log() + &node.read("app.log")
}

/// Every way in which Harbor goes wrong.
fn faults() -> Vec<(&'static str, Fault)> {
    let stranger = "http://127.0.0.1:1".to_owned();
    let mut faults: Vec<(&str, Fault)> = vec![
        ("/", Fault::Busy(1)),
        ("/", Fault::Reset),
        ("/", Fault::Stall),
        ("/", Fault::Trickle),
        ("/", Fault::Html),
        ("/", Fault::BrokenOff),
        ("/artifacts", Fault::Huge),
        ("/", Fault::Silent),
        ("/", Fault::Held(Arc::new(Semaphore::new(0)))),
        ("/", Fault::Moved(stranger.clone())),
        ("/", Fault::MovedInACircle),
        ("/artifacts", Fault::NextPageAt(stranger)),
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
        let node = node(&harbor, "echo '{\"images\": []}'");
        let said = served(&node).await;
        assert!(said.contains("TRACE"), "nothing was traced");
        assert_hidden(&format!("{fault:?} at {part}"), &said);
        assert!(harbor.asked().iter().any(|asked| asked.login.is_some()), "the password was never sent");
    });
    futures::stream::StreamExt::collect::<Vec<()>>(futures::stream::StreamExt::buffer_unordered(
        futures::stream::iter(checks),
        4,
    ))
    .await;
}

#[tokio::test]
async fn neither_http_2_nor_tls_nor_a_certificate_that_is_not_trusted_has_a_secret_shown() {
    let authority = Authority::new().unwrap();
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).tls(authority.server(&["127.0.0.1"]).unwrap());
    let harbor = harbor.start().await.unwrap();
    let node = node(&harbor, "echo '{\"images\": []}'");
    assert_hidden("an untrusted certificate", &served(&node).await);
    assert_eq!(harbor.asked().len(), 0);
    let mut config: Value = serde_json::from_str(&node.read("config.json")).unwrap();
    config["harbor_config"]["verify_ssl"] = json!(false);
    node.configure(&config).unwrap();
    assert_hidden("HTTP/2", &served(&node).await);
    assert!(harbor.asked().iter().any(|asked| asked.version == http::Version::HTTP_2 && asked.login.is_some()));
}

#[tokio::test]
async fn no_fault_of_crictl_and_no_command_has_a_secret_shown() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    for script in ["echo garbage", "echo no >&2; exit 3", "sleep 60", "head -c 20000000 /dev/zero", "env; exit 1"] {
        let node = node(&harbor, script);
        assert_hidden(script, &(served(&node).await + &commands(&node)));
    }
}

#[tokio::test]
async fn a_component_that_ends_badly_shows_no_secret() {
    let harbor = Harbor::of(Version::V2_12).start().await.unwrap();
    let node = node(&harbor, "echo '{\"images\": []}'");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(node.config()).unwrap()).unwrap();
    config["composition"] = json!(test_component("misbehaving"));
    node.configure(&config).unwrap();
    let program = node.start_logging().unwrap();
    for (path, status) in [("/trap", 500), ("/spin", 504), ("/allocate", 500)] {
        let response = program.request_with(http::Method::GET, path, &[("authorization", TOKEN)]).await.unwrap();
        assert_eq!(response.status(), status);
        assert_hidden(path, &response.text().await.unwrap());
    }
    drop(program);
    assert_hidden("the log", &(node.log() + &node.read("app.log")));
}

#[tokio::test]
async fn a_config_that_is_refused_shows_no_secret() {
    let node = Node::new(json!({})).unwrap();
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
        std::fs::write(node.config(), text).unwrap();
        let said = commands(&node);
        assert!(said.contains("image-service: "), "{text} is accepted");
        assert_hidden(text, &said);
    }
}

/// What a program with this `harbor_config` and environment lists of a project that only those who are logged in see.
async fn rows(harbor_config: Value, environment: &[(&str, &str)], prepare: impl FnOnce(&Node)) -> usize {
    let node = Node::configured(&json!({
        "crictl_config": {"mode": "exec", "command": ["echo", "{\"images\": []}"]}, "harbor_config": harbor_config,
    }))
    .unwrap();
    prepare(&node);
    let environment: Vec<(&str, String)> = environment
        .iter()
        .map(|(name, value)| (*name, value.replace("{node}", node.path().to_str().unwrap())))
        .collect();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let images = node.start_with(&environment).unwrap().images().await.unwrap();
    images["harbor_images"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_password_may_come_from_the_environment_a_credential_or_a_file_in_this_order() {
    let harbor = Harbor::of(Version::V2_12).repository("secret/b", 3).private("secret").start().await.unwrap();
    let with = |password: Value, file: Value| {
        let mut config = harbor.config();
        (config["password"], config["password_file"]) = (password, file);
        config
    };
    let write = |name: &'static str, text: &'static str| {
        move |node: &Node| std::fs::write(node.path().join(name), text).unwrap()
    };
    let wrong = json!("wrong");
    assert_eq!(rows(with(Value::Null, json!("pw")), &[], write("pw", "s3cret\n")).await, 3);
    assert_eq!(rows(with(wrong.clone(), json!("pw")), &[], write("pw", "s3cret")).await, 3, "the file counts");
    let credential = ("CREDENTIALS_DIRECTORY", "{node}");
    let file = json!("pw");
    let credential_and_file = |node: &Node| {
        write("pw", "wrong")(node);
        write("harbor_password", "s3cret")(node);
    };
    assert_eq!(rows(with(wrong.clone(), file.clone()), &[credential], credential_and_file).await, 3);
    assert_eq!(rows(with(wrong.clone(), Value::Null), &[credential], |_| {}).await, 0, "there is no credential");
    let variable = ("HARBOR_PASSWORD", "s3cret");
    assert_eq!(rows(with(wrong, file), &[variable, credential], write("harbor_password", "wrong")).await, 3);
}

#[tokio::test]
async fn files_with_a_secret_that_everybody_may_read_are_warned_about() {
    let harbor = Harbor::of(Version::V2_12).start().await.unwrap();
    let node = node(&harbor, "echo '{\"images\": []}'");
    let mode = |name: &str, mode| {
        std::fs::set_permissions(node.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("config.json", 0o644);
    mode("token", 0o604);
    let said = commands(&node);
    for part in ["config.json holds a secret", "(mode 0644)", "chmod 600", "password_file", "token_file", "(mode 0604)"]
    {
        assert!(said.contains(part), "{part:?} is missing in {said}");
    }
    mode("config.json", 0o640);
    mode("token", 0o600);
    assert!(!commands(&node).contains("holds a secret"));
}
