//! `cache_config.stale_if_error`: the last good rows of a source that fails, and how long they are good.

use crate::registry::{assert_rows, names, numbered};
use image_service_tests::{Fault, Harbor, Node, Program, Version};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A node and a Harbor that work as long as nothing is switched off.
struct Sources {
    node: Node,
    harbor: Harbor,
    down: Arc<AtomicBool>,
}

/// Sources with this `cache_config` besides no lifetime, whose Harbor goes wrong in this way at this place.
async fn failing(cache: Value, part: &'static str, fault: Fault) -> Sources {
    let down = Arc::new(AtomicBool::new(false));
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 250).repository("a/c", 3);
    let harbor = harbor.fault(part, Fault::While(Arc::clone(&down), Box::new(fault))).start().await.unwrap();
    let node = Node::new(json!({})).unwrap();
    let image = |id: &str, tag: &str| json!({"id": format!("sha256:{id}"), "repoTags": [tag], "size": "7"});
    let images = json!({"images": [image("a24bb4013296f61e", "a:1"), image("b24bb4013296f61e", "b:1")]});
    std::fs::write(node.path().join("images.json"), images.to_string()).unwrap();
    let mut config = json!({
        "crictl_config": {"mode": "exec", "command": ["cat", node.path().join("images.json")]},
        "harbor_config": harbor.config(),
        "cache_config": cache,
    });
    config["harbor_config"]["retries"] = json!(0);
    config["cache_config"]["lifetime"] = json!(0);
    node.configure(&config).unwrap();
    Sources { node, harbor, down }
}

async fn sources(cache: Value) -> Sources {
    failing(cache, "/projects?", Fault::Status(503)).await
}

impl Sources {
    fn break_harbor(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    fn break_node(&self) {
        std::fs::remove_file(self.node.path().join("images.json")).unwrap();
    }

    /// The files that are kept.
    fn kept(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.node.path().join("state")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

fn all_rows() -> Vec<String> {
    [numbered("a/b", 250), numbered("a/c", 3)].concat()
}

fn errors(images: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    images["errors"].as_array().unwrap().iter().map(|item| (text(&item["source"]), text(&item["error"]))).collect()
}

/// Asserts that a source failed, and that its rows are old ones.
fn assert_stale(images: &Value, source: &str, failure: &str) {
    let errors = errors(images);
    assert!(
        matches!(&errors[..], [(a, first), (b, second)]
        if a == source && b == source && first.contains(failure)
            && second.starts_with("the rows are those of ") && second.contains(" s ago")),
        "{errors:#?}"
    );
}

async fn whole(program: &Program) -> Value {
    let images = program.images().await.unwrap();
    assert_eq!(images["errors"], json!([]));
    assert_rows(&images, &all_rows());
    images
}

#[tokio::test]
async fn a_harbor_that_fails_has_its_last_good_rows_given_out_with_their_age() {
    let sources = sources(json!({"stale_if_error": 60})).await;
    let program = sources.node.start().unwrap();
    let good = whole(&program).await;
    sources.break_harbor();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let images = program.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 503");
    assert_eq!(
        (&images["harbor_images"], &images["containerd_images"]),
        (&good["harbor_images"], &good["containerd_images"])
    );
    assert!(!errors(&images)[1].1.contains(" 0 s ago"), "{images}");
    sources.down.store(false, Ordering::SeqCst);
    sources.harbor.push("a/c").await;
    let fresh = program.images().await.unwrap();
    assert_eq!((fresh["errors"].as_array().unwrap().len(), names(&fresh).len()), (0, 254));
}

#[tokio::test]
async fn a_harbor_that_fails_in_part_has_all_of_its_last_good_rows_given_out() {
    let sources = failing(json!({"stale_if_error": 60}), "/b/artifacts?page=2", Fault::Status(500)).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    let images = program.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 500");
    assert_rows(&images, &all_rows());
    assert_eq!(images["errors"][0]["repository"], "a/b");
}

#[tokio::test]
async fn a_node_that_fails_has_its_last_good_rows_given_out_and_an_edit_of_the_ignore_file_counts_at_once() {
    let sources = sources(json!({"stale_if_error": 60})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_node();
    let images = program.images().await.unwrap();
    assert_stale(&images, "containerd", "No such file");
    assert_eq!(images["containerd_images"].as_array().unwrap().len(), 2);
    sources.node.ignore("a24bb4013296f\n").unwrap();
    let images = program.images().await.unwrap();
    assert_eq!(images["containerd_images"][0]["repository"], "b");
    assert_eq!(images["containerd_images"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rows_that_are_too_old_are_not_given_out_and_neither_are_any_where_it_is_off() {
    for (cache, wait) in [(json!({"stale_if_error": 1}), 2100), (json!({}), 0)] {
        let sources = sources(cache).await;
        let program = sources.node.start().unwrap();
        whole(&program).await;
        sources.break_harbor();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let images = program.images().await.unwrap();
        assert_eq!((images["harbor_images"].as_array().unwrap().len(), errors(&images).len()), (0, 1), "{images}");
    }
}

#[tokio::test]
async fn a_failed_listing_never_takes_the_place_of_a_good_one() {
    let sources = sources(json!({"stale_if_error": 60})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    for _ in 0..3 {
        assert_rows(&program.images().await.unwrap(), &all_rows());
    }
}

#[tokio::test]
async fn they_outlive_a_reload_and_with_a_state_dir_the_program() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "state"})).await;
    let program = sources.node.start_logging().unwrap();
    whole(&program).await;
    sources.break_harbor();
    program.hang_up().unwrap();
    sources.node.await_log("was read again").await.unwrap();
    assert_rows(&program.images().await.unwrap(), &all_rows());
    assert!(program.terminate().unwrap().success());
    assert_eq!(sources.kept().len(), 2, "one file a source");

    let again = sources.node.start().unwrap();
    let images = again.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 503");
    assert_rows(&images, &all_rows());
}

#[tokio::test]
async fn another_user_of_harbor_does_not_get_them() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "state"})).await;
    whole(&sources.node.start().unwrap()).await;
    sources.break_harbor();
    let mut config: Value = serde_json::from_str(&sources.node.read("config.json")).unwrap();
    config["harbor_config"]["user"] = json!("somebody-else");
    sources.node.configure(&config).unwrap();
    let images = sources.node.start().unwrap().images().await.unwrap();
    assert_eq!(images["harbor_images"], json!([]));
}

#[tokio::test]
async fn a_corrupt_file_is_reported_once_and_ignored() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "state"})).await;
    whole(&sources.node.start().unwrap()).await;
    for path in sources.kept() {
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    sources.break_harbor();
    let program = sources.node.start_logging().unwrap();
    for _ in 0..3 {
        let images = program.images().await.unwrap();
        assert_eq!((images["harbor_images"].as_array().unwrap().len(), errors(&images).len()), (0, 1));
    }
    let log = sources.node.log();
    assert_eq!(log.matches("its checksum is wrong").count(), 1, "{log}");
}

#[tokio::test]
async fn more_rows_than_may_be_kept_are_passed_on_as_they_come() {
    let sources = sources(json!({"stale_if_error": 60, "max_stale_bytes": 5000})).await;
    let program = sources.node.start_logging().unwrap();
    whole(&program).await;
    sources.node.await_log("harbor has more rows than are kept (cache_config.max_stale_bytes)").await.unwrap();
    sources.break_harbor();
    assert_eq!(program.images().await.unwrap()["harbor_images"], json!([]));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused_and_check_tells_of_one_that_can() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "/proc/state"})).await;
    let check =
        || Command::new(Program::path()).args(["check", "--config"]).arg(sources.node.config()).output().unwrap();
    let output = check();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cache_config.state_dir /proc/state can't be written"), "{said}");
    let mut config: Value = serde_json::from_str(&sources.node.read("config.json")).unwrap();
    config["cache_config"]["state_dir"] = json!("state");
    sources.node.configure(&config).unwrap();
    let said = String::from_utf8(check().stdout).unwrap();
    assert!(said.contains("last good") && said.contains("/state too"), "{said}");
}
