//! The compositions of other environments, under hosts of WASI 0.3 that know nothing of this project.

use image_service_tests::{Containerd, ForeignHost, Harbor, Node, Program, StockHost, Version, composition, oci};
use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../components/lib/image-model/testdata");

/// A node with real output of crictl, a Harbor, and a node API with the token `t0ken`.
async fn inventory() -> (Node, Harbor) {
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 120).repository("b/x/y", 3).start().await.unwrap();
    let node = Node::configured(&json!({
        "crictl_config": {"mode": "exec", "command": ["cat", format!("{FIXTURES}/crictl-1.36-images.json")]},
        "harbor_config": harbor.config(),
        "node_api": {"enabled": true, "token_file": "token"},
    }))
    .unwrap();
    std::fs::write(node.path().join("token"), "t0ken\n").unwrap();
    (node, harbor)
}

#[tokio::test]
async fn demo_answers_the_same_bytes_under_any_host() {
    let native = Program::start(&["--demo"], None).unwrap().get("/images").await.unwrap().text().await.unwrap();
    for host in ForeignHost::each(&composition("demo"), &[]).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
}

#[tokio::test]
async fn edge_answers_the_bytes_of_the_native_program_for_the_same_node_and_harbor() {
    let (node, harbor) = inventory().await;
    let program = node.start().unwrap();
    let native = program.get("/images").await.unwrap().text().await.unwrap();
    let environment = [
        ("CRICTL_URL", program.address.as_str()),
        ("CRICTL_TOKEN", "t0ken"),
        ("HARBOR_URL", harbor.url.as_str()),
        ("HARBOR_USER", "robot$ci"),
        ("HARBOR_PASSWORD", "s3cret"),
    ];
    for host in ForeignHost::each(&composition("edge"), &environment).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
    let images: Value = serde_json::from_str(&native).unwrap();
    assert_eq!(images["containerd_images"].as_array().unwrap().len(), 10);
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 123);
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn edge_leaves_out_what_its_environment_says() {
    let (node, _) = inventory().await;
    let program = node.start().unwrap();
    let environment = [
        ("CRICTL_URL", program.address.as_str()),
        ("CRICTL_TOKEN", "t0ken"),
        ("IMAGES_TO_IGNORE", "20faf770514bd13c4041b33f2218046a836d658a9c5407a5e8841730a6a65171"),
    ];
    let host = StockHost::start(&composition("edge"), &environment).await.unwrap();
    let images: Value = serde_json::from_str(&host.images().await.unwrap()).unwrap();
    let rows = images["containerd_images"].as_array().unwrap();
    assert_eq!(rows.len(), 8, "the two tags of one image are left out");
    assert!(rows.iter().all(|row| row["image_id"] != "20faf770514bd"));
}

#[tokio::test]
async fn edge_with_a_wrong_token_is_one_error_beside_harbors_rows() {
    let (node, harbor) = inventory().await;
    let program = node.start().unwrap();
    let environment = [
        ("CRICTL_URL", program.address.as_str()),
        ("CRICTL_TOKEN", "wrong"),
        ("HARBOR_URL", harbor.url.as_str()),
        ("HARBOR_USER", "robot$ci"),
        ("HARBOR_PASSWORD", "s3cret"),
    ];
    let host = StockHost::start(&composition("edge"), &environment).await.unwrap();
    let images: Value = serde_json::from_str(&host.images().await.unwrap()).unwrap();
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 123);
    assert_eq!(images["errors"].as_array().unwrap().len(), 1);
    let error = images["errors"][0]["error"].as_str().unwrap();
    assert!(error.contains("answered 401") && error.contains("crictl-token"), "{error}");
    assert!(!error.contains("t0ken"), "{error}");
}

#[tokio::test]
async fn edge_without_settings_says_what_is_missing() {
    let host = StockHost::start(&composition("edge"), &[]).await.unwrap();
    let images: Value = serde_json::from_str(&host.images().await.unwrap()).unwrap();
    let errors: Vec<&str> =
        images["errors"].as_array().unwrap().iter().map(|error| error["error"].as_str().unwrap()).collect();
    assert!(errors[0].starts_with("no node is configured; set crictl-url"), "{errors:?}");
    assert_eq!(errors[1..], ["Harbor configuration incomplete"]);
}

#[tokio::test]
async fn spin_answers_the_bytes_of_the_native_program_for_the_same_node_and_harbor() {
    let (node, harbor) = inventory().await;
    let program = node.start().unwrap();
    let native = program.get("/images").await.unwrap().text().await.unwrap();
    let variables = [
        ("crictl_url", program.address.as_str()),
        ("crictl_token", "t0ken"),
        ("harbor_url", harbor.url.as_str()),
        ("harbor_user", "robot$ci"),
        ("harbor_password", "s3cret"),
    ];
    let Some(spin) = ForeignHost::spin(&variables).await.unwrap() else { return };
    assert_eq!(spin.images().await.unwrap(), native);
}

#[tokio::test]
async fn edge_lists_the_real_containerd_of_another_node() {
    let Some(containerd) = Containerd::start().unwrap() else { return };
    let image = oci::Image::new(b"one").unwrap();
    containerd
        .import(&[("registry.example.com:5000/team/app:v1", &image), ("docker.io/library/nginx:1", &image)])
        .unwrap();
    let node = Node::configured(&json!({
        "crictl_config": {"mode": "cri", "endpoint": format!("unix://{}", containerd.socket().display())},
        "node_api": {"enabled": true, "token_file": "token"},
    }))
    .unwrap();
    std::fs::write(node.path().join("token"), "t0ken").unwrap();
    let program = node.start().unwrap();
    let native = program.get("/images").await.unwrap().text().await.unwrap();
    assert!(native.contains("registry.example.com:5000/team/app"), "{native}");
    let environment = [("CRICTL_URL", program.address.as_str()), ("CRICTL_TOKEN", "t0ken")];
    for host in ForeignHost::each(&composition("edge"), &environment).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
}

#[tokio::test]
async fn harbor_only_lists_the_registry_and_asks_no_node() {
    let (_, harbor) = inventory().await;
    let no_images = json!({"mode": "exec", "command": ["echo", r#"{"images": []}"#]});
    let empty_node = Node::configured(&json!({"crictl_config": no_images, "harbor_config": harbor.config()})).unwrap();
    let native = empty_node.start().unwrap().get("/images").await.unwrap().text().await.unwrap();
    let environment = [("HARBOR_URL", harbor.url.as_str()), ("HARBOR_USER", "robot$ci"), ("HARBOR_PASSWORD", "s3cret")];
    for host in ForeignHost::each(&composition("harbor-only"), &environment).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
    let images: Value = serde_json::from_str(&native).unwrap();
    assert_eq!(images["containerd_images"], json!([]));
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 123);
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn a_stock_host_can_not_run_what_asks_for_a_node() {
    let error = StockHost::start(&composition("native"), &[]).await.err().unwrap();
    assert!(format!("{error:#}").contains("image-service:inventory/crictl"), "{error:#}");
}
