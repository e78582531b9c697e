//! The node through `crictl`: recorded output, printed by stand-ins for sudo and crictl.

use image_service_tests::Program;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../components/lib/image-model/testdata");

fn script(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A node on which sudo runs `allowed`, a shell condition on its arguments after `-n`.
async fn listed(allowed: &str, ignore: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    script(
        folder.path(),
        "sudo",
        &format!(
            "[ \"$1\" = -n ] || {{ echo 'a terminal is required' >&2; exit 1; }}; shift\n\
             {allowed} || {{ echo 'sudo: a password is required' >&2; exit 1; }}\nexec \"$@\""
        ),
    );
    script(
        folder.path(),
        "crictl",
        &format!(
            "echo 'WARN[0000] careful' >&2\ncase \"$*\" in\n'images -o json') cat {FIXTURES}/crictl-1.36-images.json;;\n\
             images) cat {FIXTURES}/crictl-1.36-images.txt;;\n*) exit 2;;\nesac"
        ),
    );
    std::fs::write(folder.path().join("images_to_ignore.txt"), ignore).unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, json!({"crictl_config": {"mode": "exec"}}).to_string()).unwrap();
    let program = Program::start(&["--config", config.to_str().unwrap()], Some(folder.path())).unwrap();
    program.images().await.unwrap()
}

#[tokio::test]
async fn json_and_the_table_under_the_documented_sudoers_rule_give_the_same_rows() {
    let json = listed("true", "").await;
    let table = listed("[ \"$*\" = 'crictl images' ]", "").await;
    assert_eq!(json["containerd_images"].as_array().unwrap().len(), 10);
    assert_eq!(json, table);
    assert_eq!(json["errors"], json!([{"source": "harbor", "error": "Harbor configuration incomplete"}]));
}

#[tokio::test]
async fn ignored_images_are_left_out() {
    let images = listed("true", "IMAGE,TAG,IMAGE ID,SIZE\nregistry.k8s.io/pause,3.9,b9f02c9a43ced,1.2MB\n").await;
    let rows = images["containerd_images"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
    assert!(rows.iter().all(|row| row["repository"] != "registry.k8s.io/pause"));
}

#[tokio::test]
async fn a_refusing_sudo_is_one_error_that_says_what_to_do() {
    let images = listed("false", "").await;
    assert_eq!(images["containerd_images"], json!([]));
    let error = images["errors"][0]["error"].as_str().unwrap();
    assert!(error.contains("sudoers") && error.contains("a password is required"), "{error}");
}
