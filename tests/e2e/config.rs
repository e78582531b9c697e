//! config.json: what is wrong with it is said on stderr, and where nothing can be served the exit code is 2.

use crate::listing::assert_says;
use image_service_tests::{Authority, Node, command};
use serde_json::{Value, json};
use std::path::Path;

/// What `serve` says on stderr when it ends with exit code 2 and has said nothing on stdout.
async fn refusal(node: &Node) -> String {
    let outcome = node.launch().refusal().await.unwrap();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert!(outcome.stderr.starts_with("image-service: "), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    outcome.stderr
}

/// A node whose config.json has this text.
fn node(text: &str) -> Node {
    let node = Node::builder().build().unwrap();
    node.write("config.json", text).unwrap();
    node
}

/// Asserts that `serve` refuses a config file of this text, names the file, and says all of this.
async fn assert_is_refused(text: &str, parts: &[&str]) {
    let node = node(text);
    let said = refusal(&node).await;
    assert_says(&said, parts);
    assert_says(&said, &[node.config_file().to_str().unwrap()]);
}

#[tokio::test]
async fn a_config_that_is_no_json_is_refused_with_line_and_column() {
    assert_is_refused("{\n  \"app_config\": {,}\n}", &["not valid JSON", "line 2 column 18"]).await;
    assert_is_refused("{\n  \"composition\": \"\",\n}", &["not valid JSON", "a comma too many at line 2 column 20"])
        .await;
    assert_is_refused("", &["not valid JSON", "line 1 column 0"]).await;
}

#[tokio::test]
async fn a_value_of_a_wrong_type_is_refused_with_its_key() {
    let port = ["app_config.port", "invalid type", "\"http\"", "a whole number from 0 to 65535"];
    assert_is_refused(r#"{"app_config": {"port": "http"}}"#, &port).await;
    assert_is_refused(r#"{"harbor_config": {"verify_ssl": "no"}}"#, &["harbor_config.verify_ssl", "true or false"])
        .await;
    assert_is_refused(r#"{"crictl_config": {"mode": "ssh"}}"#, &["crictl_config.mode", "`auto`, `cri`, `exec`"]).await;
}

#[tokio::test]
async fn a_key_in_quotes_counts_with_a_warning_and_two_names_of_one_key_are_refused() {
    let node = node(
        r#"{"harbor_config": {"verify_ssl": "false"}, "cache_config": {"lifetime": "7"},
            "crictl_config": {"mode": "exec", "command": ["echo", "{\"images\": []}"]}}"#,
    );
    let program = node.start().unwrap();
    assert!(program.get("/images").await.unwrap().headers()["cache-control"].to_str().unwrap().contains("max-age=7"));
    assert_says(
        &program.log(),
        &["harbor_config.verify_ssl is", "in quotes, which counts as false; remove the quotes"],
    );
    assert_is_refused(r#"{"harbor_config": {"user": "a", "username": "b"}}"#, &["user and username are both set"])
        .await;
}

#[tokio::test]
async fn a_url_without_a_scheme_is_refused_with_how_to_write_it() {
    for url in ["harbor.example.com", "harbor.example.com:443", "ftp://harbor.example.com"] {
        let text = json!({"harbor_config": {"url": url, "user": "u", "password": "p"}}).to_string();
        assert_is_refused(&text, &["harbor_config.url", url, "https://harbor.example.com"]).await;
    }
}

#[tokio::test]
async fn a_login_in_the_url_is_refused_and_not_repeated() {
    let text = r#"{"harbor_config": {"url": "https://robot:s3cret@harbor.example.com"}}"#;
    let stderr = refusal(&node(text)).await;
    assert_says(&stderr, &["harbor_config.user and harbor_config.password"]);
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[tokio::test]
async fn a_config_file_that_is_missing_is_refused_by_its_name() {
    let node = node("{}");
    std::fs::remove_file(node.config_file()).unwrap();
    assert_says(&refusal(&node).await, &[node.config_file().to_str().unwrap(), "can't be read"]);
}

#[tokio::test]
async fn a_broken_ca_file_is_refused_by_its_name() {
    // Relative to the folder of the config file.
    let harbor = json!({"url": "https://127.0.0.1:1", "user": "u", "password": "p", "ca_file": "ca.pem"});
    let node = Node::builder().config(json!({"harbor_config": harbor})).build().unwrap();
    let named = format!("harbor_config.ca_file {}", node.path("ca.pem").display());
    let refused_by_name = async || assert_says(&refusal(&node).await, &[&named]);
    refused_by_name().await;
    let broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    for content in ["", "no certificate", broken, "-----BEGIN CERTIFICATE-----\n"] {
        node.write("ca.pem", content).unwrap();
        refused_by_name().await;
    }
    // The same config serves once the file is right.
    Authority::new().unwrap().write(&node.path("ca.pem")).unwrap();
    let program = node.start().unwrap();
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_unknown_key_is_a_warning_that_names_it_and_no_reason_not_to_serve() {
    let config = json!({"harbor_config": {"urll": "https://harbor.example.com"}, "app_confg": {}});
    let mut program = node(&config.to_string()).start().unwrap();
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    let stderr = program.log();
    for key in ["the key harbor_config.urll is unknown", "the key app_confg is unknown"] {
        let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(key)).collect();
        assert!(lines.len() == 1 && lines[0].contains("WARN"), "{stderr}");
    }
}

#[tokio::test]
async fn the_config_file_is_found_by_variable_and_folder() {
    let layout = |pretty: bool| json!({"app_config": {"jsonify_prettyprint_regular": pretty}}).to_string();
    let node = node(&layout(true));
    let lines = async |variable: Option<&Path>| {
        let mut command = command::command();
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(node.folder())
            .env_remove("IMAGE_SERVICE_CONFIG");
        // Nothing of this machine is asked.
        command.env("PATH", node.folder()).env("CONTAINER_RUNTIME_ENDPOINT", "unix:///nonexistent");
        if let Some(variable) = variable {
            command.env("IMAGE_SERVICE_CONFIG", variable);
        }
        let text = node.spawn(command).unwrap().images_text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
        text.lines().count()
    };
    assert!(lines(None).await > 1, "./config.json");
    std::fs::create_dir(node.path("config")).unwrap();
    node.write("config/config.json", layout(false)).unwrap();
    assert_eq!(lines(None).await, 1, "./config/config.json comes first");
    assert!(lines(Some(&node.config_file())).await > 1, "the variable comes before");
}
