//! The real crictl and a containerd of version 2, which Go builds where it is there: all ways to ask give the same rows.

use crate::containerd::{assert_comes_to, row};
use image_service_tests::oci::Image;
use image_service_tests::{Containerd, DockerRegistry, Node, crictl};
use serde_json::{Value, json};

/// Asserts that these images, imported and pulled, are rows: over the CRI, and by the real crictl in both of its formats.
async fn assert_all_ways_give_the_same_rows(containerd: Containerd) {
    let Some(crictl) = crictl().unwrap() else { return };
    let Some(registry) = DockerRegistry::start().await.unwrap() else { return };
    let (imported, pulled) = (Image::new(b"imported").unwrap(), Image::new(b"pulled").unwrap());
    containerd
        .import(&[("docker.io/library/app:1", &imported), ("registry.k8s.io:5000/deep/er/app:latest", &imported)])
        .unwrap();
    registry.push("team/app", "2.0", &pulled).await.unwrap();
    containerd.pull(&format!("{}/team/app:2.0", registry.host())).await.unwrap();
    let size = "2.61kB";
    let rows = json!([
        row(&format!("{}/team/app", registry.host()), "2.0", &pulled, size),
        row("docker.io/library/app", "1", &imported, size),
        row("registry.k8s.io:5000/deep/er/app", "latest", &imported, size),
    ]);
    let endpoint = format!("unix://{}", containerd.socket().display());
    let exec = |format: &[&str]| {
        let crictl = crictl.to_string_lossy();
        let command = [&[&*crictl, "--runtime-endpoint", &endpoint, "images"], format].concat();
        json!({"mode": "exec", "command": command})
    };
    let ways: [Value; 3] = [json!({"mode": "cri", "endpoint": endpoint}), exec(&["-o", "json"]), exec(&[])];
    for way in ways {
        let program = Node::builder().config(json!({"crictl_config": way})).start().unwrap();
        assert_comes_to(&program, rows.clone()).await;
    }
}

#[tokio::test]
async fn the_real_crictl_and_the_cri_of_containerd_2_give_the_same_rows() {
    let Some(containerd) = Containerd::version_2().await.unwrap() else { return };
    assert_all_ways_give_the_same_rows(containerd).await;
}

#[tokio::test]
async fn the_real_crictl_and_the_cri_of_debians_containerd_give_the_same_rows() {
    let Some(containerd) = Containerd::start().await.unwrap() else { return };
    assert_all_ways_give_the_same_rows(containerd).await;
}
