//! The registry: the program against the Harbor double.

use image_service_tests::{Harbor, Program, Version};
use serde_json::{Value, json};

async fn listed(harbor: &Harbor, password: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let text = json!({
        "crictl_config": {"command": ["echo", "{\"images\":[]}"], "mode": "exec"},
        "harbor_config": {"url": harbor.url, "user": "robot$ci", "password": password},
    });
    std::fs::write(&config, text.to_string()).unwrap();
    let program = Program::start(&["--config", config.to_str().unwrap()], None).unwrap();
    program.images().await.unwrap()
}

#[tokio::test]
async fn both_harbors_give_the_same_rows_in_order() {
    let repositories = ["b/app", "a/x/y", "a/b"];
    let new = Harbor::start(Version::V2_12, &repositories, 250, None).await.unwrap();
    let old = Harbor::start(Version::V2_8, &repositories, 250, None).await.unwrap();
    let (from_new, from_old) = (listed(&new, "s3cret").await, listed(&old, "s3cret").await);
    let rows = from_new["harbor_images"].as_array().unwrap();
    assert_eq!(rows.len(), 750);
    assert_eq!(
        rows[250],
        json!({"digest": format!("sha256:{:064x}", 249), "project": "a", "repository": "x/y", "size": "1.5MB", "tag": "v249"})
    );
    assert_eq!(from_new, from_old);
    assert_eq!(from_new["errors"], json!([]));
    assert_eq!(new.count("/repositories"), 0, "whole projects are listed where Harbor can");
}

#[tokio::test]
async fn a_refused_login_is_an_error_beside_the_public_rows() {
    let harbor = Harbor::start(Version::V2_12, &["a/b"], 3, None).await.unwrap();
    let images = listed(&harbor, "wrong").await;
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 3);
    assert!(images["errors"][0]["error"].as_str().unwrap().contains("refused the login"));
}

#[tokio::test]
async fn a_failing_repository_costs_its_own_rows_and_one_error() {
    let failing = Some(("/repositories/b/", 500));
    let harbor = Harbor::start(Version::V2_8, &["a/b", "a/c"], 3, failing).await.unwrap();
    let images = listed(&harbor, "s3cret").await;
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 3);
    assert_eq!(images["errors"][0]["repository"], "a/b");
    assert_eq!(images["errors"].as_array().unwrap().len(), 1);
}
