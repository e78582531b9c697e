//! config.json: what is wrong with it is said on stderr, and where nothing can be served the exit code is 2.

use image_service_tests::{Authority, Program};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A folder with this config.json.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, text).unwrap();
    // Some hold a password.
    std::fs::set_permissions(config, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

/// What `serve` says on stderr when it ends with exit code 2 and has said nothing on stdout.
async fn refused(config: &Path) -> String {
    let mut command = tokio::process::Command::new(Program::path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(30), command.output()).await.expect("it serves").unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("image-service: "), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

/// Asserts that a config file of this text is refused, with the file named and all of this said.
async fn assert_is_refused(text: &str, parts: &[&str]) {
    let folder = folder(text);
    let config = folder.path().join("config.json");
    let stderr = refused(&config).await;
    for part in [config.to_str().unwrap()].iter().chain(parts) {
        assert!(stderr.contains(part), "{part:?} is missing in {stderr:?}");
    }
}

#[tokio::test]
async fn a_config_that_is_no_json_is_refused_with_line_and_column() {
    assert_is_refused("{\n  \"app_config\": {,}\n}", &["not valid JSON", "line 2 column 18"]).await;
    assert_is_refused("", &["not valid JSON", "line 1 column 0"]).await;
}

#[tokio::test]
async fn a_value_of_a_wrong_type_is_refused_with_its_key() {
    assert_is_refused(r#"{"app_config": {"port": "5375"}}"#, &["app_config.port", "invalid type", "\"5375\""]).await;
    assert_is_refused(r#"{"harbor_config": {"verify_ssl": "no"}}"#, &["harbor_config.verify_ssl", "boolean"]).await;
    assert_is_refused(r#"{"crictl_config": {"mode": "ssh"}}"#, &["crictl_config.mode", "`auto`, `cri`, `exec`"]).await;
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
    let folder = folder(text);
    let stderr = refused(&folder.path().join("config.json")).await;
    assert!(stderr.contains("harbor_config.user and harbor_config.password"), "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[tokio::test]
async fn a_config_file_that_is_missing_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere.json");
    let stderr = refused(&missing).await;
    assert!(stderr.contains(missing.to_str().unwrap()) && stderr.contains("can't be read"), "{stderr}");
}

#[tokio::test]
async fn a_broken_ca_file_is_refused_by_its_name() {
    let config = |ca_file: &str| {
        let harbor = json!({"url": "https://127.0.0.1:1", "user": "u", "password": "p", "ca_file": ca_file});
        json!({"harbor_config": harbor}).to_string()
    };
    let folder = folder(&config("ca.pem"));
    let refused_by_name = async || {
        let stderr = refused(&folder.path().join("config.json")).await;
        // Relative to the folder of the config file.
        let ca_file = folder.path().join("ca.pem");
        let named = format!("harbor_config.ca_file {}", ca_file.display());
        assert!(stderr.contains(&named), "{named:?} is missing in {stderr:?}");
    };
    refused_by_name().await;
    let broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    for content in ["", "no certificate", broken, "-----BEGIN CERTIFICATE-----\n"] {
        std::fs::write(folder.path().join("ca.pem"), content).unwrap();
        refused_by_name().await;
    }
    // The same config serves once the file is right.
    Authority::new().unwrap().write(&folder.path().join("ca.pem")).unwrap();
    let program = Program::start(&["--config", folder.path().join("config.json").to_str().unwrap()], None).unwrap();
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_unknown_key_is_a_warning_that_names_it_and_no_reason_not_to_serve() {
    let config = json!({"harbor_config": {"urll": "https://harbor.example.com"}, "app_confg": {}});
    let folder = folder(&config.to_string());
    let stderr = folder.path().join("stderr");
    let mut command = Command::new(Program::path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(folder.path().join("config.json"));
    command.stderr(std::fs::File::create(&stderr).unwrap()).stdin(Stdio::null());
    let program = Program::spawn(command).unwrap();
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    assert_eq!(program.terminate().unwrap().code(), Some(0));
    let stderr = std::fs::read_to_string(stderr).unwrap();
    for key in ["the key harbor_config.urll is unknown", "the key app_confg is unknown"] {
        let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(key)).collect();
        assert!(lines.len() == 1 && lines[0].contains("WARN"), "{stderr}");
    }
}

#[tokio::test]
async fn the_config_file_is_found_by_variable_and_folder() {
    let pretty = json!({"app_config": {"jsonify_prettyprint_regular": true}}).to_string();
    let compact = json!({"app_config": {"jsonify_prettyprint_regular": false}}).to_string();
    let lines = async |variable: Option<&Path>, folder: &Path| {
        let mut command = Command::new(Program::path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder).env_remove("IMAGE_SERVICE_CONFIG");
        // Nothing of this machine is asked.
        command.env("PATH", folder).env("CONTAINER_RUNTIME_ENDPOINT", "unix:///nonexistent");
        if let Some(variable) = variable {
            command.env("IMAGE_SERVICE_CONFIG", variable);
        }
        let program = Program::spawn(command).unwrap();
        let text = program.get("/images").await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
        text.lines().count()
    };
    let folder = folder(&pretty);
    assert!(lines(None, folder.path()).await > 1, "./config.json");
    std::fs::create_dir(folder.path().join("config")).unwrap();
    std::fs::write(folder.path().join("config/config.json"), &compact).unwrap();
    assert_eq!(lines(None, folder.path()).await, 1, "./config/config.json comes first");
    assert!(lines(Some(&folder.path().join("config.json")), folder.path()).await > 1, "the variable comes before");
}
