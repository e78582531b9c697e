//! The component of examples/registry in Harbor's place, against a real docker-registry.

use image_service_tests::{DockerRegistry, Node, Program, example, oci};
use serde_json::{Value, json};
use std::process::Command;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/registry");

/// A node whose crictl knows one image, with the composition of the example and this registry.
fn node(registry: &str) -> Node {
    let images = json!({"images": [{"id": "sha256:a24bb4013296f61e", "repoTags": ["pause:3.9"], "size": "1"}]});
    let node = Node::configured(&json!({
        "crictl_config": {"mode": "exec", "command": ["echo", images.to_string()]},
        "harbor_config": {"url": registry},
        "composition": "registry.wasm",
    }))
    .unwrap();
    let composed = Command::new(Program::path())
        .arg("compose")
        .arg(format!("{EXAMPLE}/registry.wac"))
        .arg("--dep")
        .arg(format!("acme:registry={}", example("registry").display()))
        .arg("-o")
        .arg(node.path().join("registry.wasm"))
        .output()
        .unwrap();
    assert!(composed.status.success(), "{}", String::from_utf8_lossy(&composed.stderr));
    node
}

fn row(project: &str, repository: &str, tag: &str, image: &oci::Image) -> Value {
    json!({"project": project, "repository": repository, "tag": tag, "digest": image.digest()})
}

/// Takes the sizes, in kilobytes, out of the rows of the registry.
fn take_sizes(images: &mut Value) -> Vec<f64> {
    let kilobytes = |row: &mut Value| {
        let size = row.as_object_mut().unwrap().remove("size").unwrap();
        size.as_str().unwrap().strip_suffix("kB").unwrap().parse().unwrap()
    };
    images["harbor_images"].as_array_mut().unwrap().iter_mut().map(kilobytes).collect()
}

#[tokio::test]
async fn a_docker_registrys_images_arrive_beside_the_nodes() {
    let Some(registry) = DockerRegistry::start().await.unwrap() else { return };
    let (one, two) = (oci::Image::new(b"one").unwrap(), oci::Image::new(&[b'x'; 20_000]).unwrap());
    registry.push("nginx", "1.27", &one).await.unwrap();
    registry.push("team/app", "v2", &two).await.unwrap();
    registry.push("team/app", "v1", &one).await.unwrap();
    registry.push("team/deep/name", "latest", &one).await.unwrap();
    registry.push("team/gone", "latest", &two).await.unwrap();
    registry.delete("team/gone", two.digest()).await.unwrap();
    let mut images = node(&registry.address).start().unwrap().images().await.unwrap();
    let sizes = take_sizes(&mut images);
    assert_eq!(images["errors"], json!([]));
    assert_eq!(images["containerd_images"][0]["repository"], "pause");
    let rows = json!([
        row("<none>", "nginx", "1.27", &one),
        row("team", "app", "v1", &one),
        row("team", "app", "v2", &two),
        row("team", "deep/name", "latest", &one),
    ]);
    assert_eq!(images["harbor_images"], rows);
    assert!((sizes[2] - two.content_size() as f64 / 1000.0).abs() < 0.1, "{sizes:?}");
}

#[tokio::test]
async fn list_and_check_run_the_composition_that_the_config_names() {
    let Some(registry) = DockerRegistry::start().await.unwrap() else { return };
    registry.push("nginx", "1.27", &oci::Image::new(b"one").unwrap()).await.unwrap();
    let node = node(&registry.address);
    let run = |command: &str| {
        let output = Command::new(Program::path()).args([command, "--config"]).arg(node.config()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("list").contains("nginx"));
    let checked = run("check");
    assert!(checked.contains("registry.wasm runs in place of the built-in one"), "{checked}");
    assert!(checked.contains("1 row of all projects from http://127.0.0.1:"), "{checked}");
    assert!(checked.contains(" without login"), "{checked}");
}

#[tokio::test]
async fn more_repositories_and_tags_than_fit_on_a_page_arrive() {
    let Some(registry) = DockerRegistry::start().await.unwrap() else { return };
    let image = oci::Image::new(b"one").unwrap();
    for number in 0..250 {
        registry.push(&format!("many/r{number:03}"), "latest", &image).await.unwrap();
    }
    for number in 0..120 {
        registry.push("many/tags", &format!("t{number:03}"), &image).await.unwrap();
    }
    let images = node(&registry.address).start().unwrap().images().await.unwrap();
    assert_eq!(images["errors"], json!([]));
    let rows = images["harbor_images"].as_array().unwrap();
    assert_eq!(rows.len(), 370);
    assert!(rows.iter().is_sorted_by_key(|row| format!("{} {}", row["repository"], row["tag"])));
}

#[tokio::test]
async fn an_index_is_one_row_with_the_size_of_all_its_platforms() {
    let Some(registry) = DockerRegistry::start().await.unwrap() else { return };
    let (one, two) = (oci::Image::new(&[b'x'; 30_000]).unwrap(), oci::Image::new(&[b'y'; 40_000]).unwrap());
    registry.push("team/multi", "amd64", &one).await.unwrap();
    registry.push("team/multi", "arm64", &two).await.unwrap();
    registry.push_index("team/multi", "latest", &[&one, &two]).await.unwrap();
    let mut images = node(&registry.address).start().unwrap().images().await.unwrap();
    let sizes = take_sizes(&mut images);
    assert_eq!(images["errors"], json!([]));
    assert_eq!(images["harbor_images"][2]["tag"], "latest");
    assert!((sizes[2] - sizes[0] - sizes[1]).abs() < 0.2, "{sizes:?}");
}

#[tokio::test]
async fn a_registry_that_does_not_run_is_one_error_beside_the_nodes_rows() {
    let images = node("http://127.0.0.1:1").start().unwrap().images().await.unwrap();
    assert_eq!(images["containerd_images"].as_array().unwrap().len(), 1);
    let errors = images["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    let error = errors[0]["error"].as_str().unwrap();
    assert!(error.contains("http://127.0.0.1:1/v2/_catalog") && error.contains("refused"), "{error}");
}
