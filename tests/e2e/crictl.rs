//! The node through `crictl`: recorded output, printed by stand-ins for sudo and crictl.

use crate::listing::{assert_says, node_rows};
use image_service_tests::{Node, repository};
use serde_json::{Value, json};

/// The listing of a node on which sudo runs `allowed`, a shell condition on its arguments after `-n`.
async fn listed(allowed: &str, ignore: &str) -> Value {
    let recorded = repository("components/lib/image-model/testdata/crictl-1.36-images");
    Node::builder()
        .script("sudo", &include_str!("../fixtures/sudo.sh").replace("ALLOWED", allowed))
        .script("crictl", &include_str!("../fixtures/crictl.sh").replace("RECORDED", &recorded.to_string_lossy()))
        .ignore(ignore)
        .config(json!({"crictl_config": {"mode": "exec"}}))
        .start()
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
