//! The component of examples/registry in Harbor's place, against a real docker-registry.

use crate::listing::{assert_says, harbor_rows, node_rows, only_harbor_error};
use image_service_tests::{DockerRegistry, Node, example, node_row, oci, repository, run};
use serde_json::{Value, json};

/// A node with one image, with the composition of the example and this registry.
async fn node(registry: &str) -> Node {
    let config = json!({"harbor_config": {"url": registry}});
    let node = Node::builder().one_image().composition("registry.wasm").config(config).build().unwrap();
    let wac = repository("examples/registry/registry.wac");
    let component = format!("acme:registry={}", example("registry").display());
    let composed = node.path("registry.wasm");
    let arguments = ["compose", wac.to_str().unwrap(), "--dep", &component, "-o", composed.to_str().unwrap()];
    let outcome = run(&arguments).await.unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    node
}

/// What the program lists of this registry.
async fn listed(registry: &DockerRegistry) -> Value {
    let images = node(&registry.address).await.start().unwrap().images().await.unwrap();
    assert_eq!(images["errors"], json!([]));
    images
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
    let mut images = listed(&registry).await;
    let sizes = take_sizes(&mut images);
    assert_eq!(node_rows(&images), [node_row()]);
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
    let node = node(&registry.address).await;
    let listed = node.run(&["list"]).await.unwrap();
    assert_says(&listed.stdout, &["nginx"]);
    let checked = node.run(&["check"]).await.unwrap();
    let runs = "registry.wasm runs in place of the built-in one";
    assert_says(&checked.stdout, &[runs, "1 row of all projects from http://127.0.0.1:", " without login"]);
    assert_eq!((listed.code, checked.code), (Some(0), Some(0)));
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
    let images = listed(&registry).await;
    let rows = harbor_rows(&images);
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
    let mut images = listed(&registry).await;
    let sizes = take_sizes(&mut images);
    assert_eq!(harbor_rows(&images)[2]["tag"], "latest");
    assert!((sizes[2] - sizes[0] - sizes[1]).abs() < 0.2, "{sizes:?}");
}

#[tokio::test]
async fn a_registry_that_does_not_run_is_one_error_beside_the_nodes_rows() {
    let images = node("http://127.0.0.1:1").await.start().unwrap().images().await.unwrap();
    assert_says(only_harbor_error(&images), &["http://127.0.0.1:1/v2/_catalog", "refused"]);
}
