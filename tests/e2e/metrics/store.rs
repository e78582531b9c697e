//! What the metrics say of the store.

use image_service_tests::{Harbor, Node, Version, eventually};
use serde_json::{Value, json};

fn bytes_in(place: &str) -> String {
    format!("image_service_store_kept_bytes{{place=\"{place}\"}}")
}

fn commits(outcome: &str) -> String {
    format!("image_service_store_commits_total{{outcome=\"{outcome}\"}}")
}

async fn harbor() -> Harbor {
    Harbor::of(Version::V2_16).filled(1, 10, 100).start().await.unwrap()
}

fn node(harbor: &Harbor, cache: Value) -> Node {
    Node::builder().one_image().harbor(harbor).config(json!({"cache_config": cache})).build().unwrap()
}

#[tokio::test]
async fn the_bytes_of_the_store_are_told_where_they_are_and_again_after_a_start() {
    let harbor = harbor().await;
    for (cache, place, other) in [(json!({}), "memory", "disk"), (json!({"state_dir": "state"}), "disk", "memory")] {
        let node = node(&harbor, cache);
        let mut program = node.start().unwrap();
        program.images().await.unwrap();
        let kept = async || {
            let metrics = program.metrics().await.unwrap();
            assert_eq!(metrics.get(&bytes_in(other)), Some(0.0));
            metrics
                .get(&bytes_in(place))
                .filter(|bytes| *bytes > 50_000.0 && metrics.get(&commits("committed")) > Some(0.0))
        };
        let bytes = eventually("kept rows", kept).await.unwrap();
        assert!(program.terminate().await.unwrap().success());
        if place == "disk" {
            node.start().unwrap().await_sample(&bytes_in(place), bytes).await.unwrap();
        }
    }
}

#[tokio::test]
async fn commits_that_the_store_refuses_are_counted_by_reason() {
    let harbor = harbor().await;
    let program = node(&harbor, json!({"max_store_memory": 100_000})).start().unwrap();
    program.images().await.unwrap();
    assert_eq!(program.metrics().await.unwrap().get(&commits("full")), Some(1.0));

    let program = node(&harbor, json!({})).start().unwrap();
    let conflict = async || {
        harbor.push("project000/repository0003").await;
        // Both read the same, and one of them keeps it first.
        let (one, other) = tokio::join!(program.images(), program.images());
        assert_eq!(one.unwrap(), other.unwrap());
        program.metrics().await.unwrap().get(&commits("conflict")).filter(|count| *count > 0.0)
    };
    eventually("a commit that came second", conflict).await.unwrap();
}
