//! The node through `crictl`: recorded output, printed by stand-ins for sudo and crictl.

use crate::listing::{assert_says, node_rows};
use image_service_tests::{Node, leave_out, repository};
use serde_json::{Value, json};

/// The listing of a node on which sudo runs `allowed`, a shell condition on its arguments after `-n`.
async fn listed(allowed: &str, ignore: &str) -> Value {
    let recorded = |ending| {
        std::fs::read(repository(&format!("components/lib/image-model/testdata/crictl-1.36-images.{ending}"))).unwrap()
    };
    Node::builder()
        .script("sudo", &include_str!("../fixtures/sudo.sh").replace("ALLOWED", allowed))
        .script("crictl", include_str!("../fixtures/crictl.sh"))
        .file("recorded.json", recorded("json"))
        .file("recorded.txt", recorded("txt"))
        .ignore(ignore)
        .config(json!({"crictl_config": {"mode": "exec"}}))
        .start_as_nobody()
        .unwrap()
        .images()
        .await
        .unwrap()
}

#[tokio::test]
async fn json_and_the_table_under_the_documented_sudoers_rule_give_the_same_rows() {
    let json = listed("true", "").await;
    let table = listed("[ \"$*\" = 'crictl images' ]", "").await;
    assert_eq!(node_rows(&json).len(), 10);
    assert_eq!(json, table);
    assert_eq!(json["errors"], json!([{"source": "harbor", "error": "Harbor configuration incomplete"}]));
}

#[tokio::test]
async fn ignored_images_are_left_out() {
    let images = listed("true", "IMAGE,TAG,IMAGE ID,SIZE\nregistry.k8s.io/pause,3.9,b9f02c9a43ced,1.2MB\n").await;
    assert_eq!(node_rows(&images).len(), 9);
    assert!(node_rows(&images).iter().all(|row| row["repository"] != "registry.k8s.io/pause"));
}

#[tokio::test]
async fn a_refusing_sudo_is_one_error_that_says_what_to_do() {
    let images = listed("false", "").await;
    assert_eq!(node_rows(&images).len(), 0);
    assert_says(images["errors"][0]["error"].as_str().unwrap(), &["sudoers", "a password is required"]);
}

#[tokio::test]
async fn a_crictl_outside_sudos_folders_is_told_with_where_it_is() {
    let images = listed("{ echo 'sudo: crictl: command not found' >&2; exit 1; }", "").await;
    let error = images["errors"][0]["error"].as_str().unwrap();
    assert_says(
        error,
        &["sudo: crictl: command not found", "secure_path in sudoers, and crictl is /", "/crictl: add that"],
    );
}

#[tokio::test]
async fn root_runs_crictl_without_sudo() {
    if !rustix::process::geteuid().is_root() {
        return leave_out("only root runs crictl without sudo");
    }
    let node = Node::builder().script("sudo", "echo 'sudo was run' >&2; exit 1").script("crictl", "cat images.json");
    let node = node.file("images.json", include_str!("../fixtures/two-images.json"));
    let images = node.config(json!({"crictl_config": {"mode": "exec"}})).start().unwrap().images().await.unwrap();
    assert_eq!(node_rows(&images).len(), 2, "{images}");
}
