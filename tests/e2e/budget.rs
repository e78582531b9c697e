//! The time that a whole listing of Harbor has: what has arrived by then is answered, with one error that counts the rest.

use crate::registry::{assert_rows, node_row, numbered, only_error, started};
use image_service_tests::{Fault, ForeignHost, Harbor, Version, composition};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// A Harbor of 20 repositories with 3 artifacts each, which tells the artifacts of so many.
async fn slow(told: usize) -> Harbor {
    let mut harbor = Harbor::of(Version::V2_8).fault("/artifacts", Fault::Held(Arc::new(Semaphore::new(told))));
    for number in 0..20 {
        harbor = harbor.repository(&format!("a/r{number:02}"), 3);
    }
    harbor.start().await.unwrap()
}

fn with(harbor: &Harbor, timeout: Value) -> Value {
    let mut config = harbor.config();
    config["listing_timeout"] = timeout;
    // One at a time, so that it is the first repositories that are told.
    config["max_concurrency"] = json!(1);
    config
}

#[tokio::test]
async fn when_its_time_is_over_what_has_arrived_is_answered_with_one_error_that_counts_the_rest() {
    let harbor = slow(5).await;
    let (_node, program) = started(&with(&harbor, json!(1.5)));
    let started = Instant::now();
    let images = program.images().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(1500) && started.elapsed() < Duration::from_secs(10));
    let arrived: Vec<String> = (0..5).flat_map(|number| numbered(&format!("a/r{number:02}"), 3)).collect();
    assert_rows(&images, &arrived);
    let error = only_error(&images);
    assert!(error.contains("had not ended within 1.5 s") && error.contains("listing_timeout"), "{error}");
    assert!(error.ends_with("not read by then: 15 repositories"), "{error}");
}

#[tokio::test]
async fn nothing_more_is_asked_for_once_the_time_is_over_and_the_instance_answers_others() {
    let harbor = slow(0).await;
    let (_node, program) = started(&with(&harbor, json!(0.5)));
    for _ in 0..3 {
        assert!(only_error(&program.images().await.unwrap()).ends_with(": 20 repositories"));
    }
    let asked = harbor.count("/artifacts");
    assert_eq!(asked, 3, "one of each listing was under way");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(harbor.count("/artifacts"), asked);
}

#[tokio::test]
async fn a_harbor_that_says_nothing_costs_the_time_of_the_listing_and_not_of_each_request() {
    let harbor = Harbor::of(Version::V2_12).fault("/", Fault::Silent).start().await.unwrap();
    let (_node, program) = started(&with(&harbor, json!(0.5)));
    let started = Instant::now();
    let images = program.images().await.unwrap();
    assert_eq!(images["containerd_images"], json!([node_row()]));
    assert!(only_error(&images).ends_with("projects that were not counted yet"), "{images}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn other_environments_have_it_too() {
    let harbor = slow(0).await;
    let environment = [
        ("HARBOR_URL", harbor.url.as_str()),
        ("HARBOR_USER", "robot$ci"),
        ("HARBOR_PASSWORD", "s3cret"),
        ("HARBOR_LISTING_TIMEOUT", "1"),
    ];
    for host in ForeignHost::each(&composition("harbor-only"), &environment).await.unwrap() {
        let images: Value = serde_json::from_str(&host.images().await.unwrap()).unwrap();
        let error = images["errors"][0]["error"].as_str().unwrap();
        assert!(
            error.contains("had not ended within 1 s") && error.ends_with(": 20 repositories"),
            "{}: {error}",
            host.name
        );
    }
}

#[tokio::test]
async fn a_listing_that_ends_in_time_waits_for_nothing() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let (_node, program) = started(&with(&harbor, json!(60)));
    let started = Instant::now();
    for _ in 0..20 {
        assert_rows(&program.images().await.unwrap(), &numbered("a/b", 3));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
