//! The time that a whole listing of Harbor has: what has arrived by then is answered, with one error that counts the rest.

use crate::listing::{assert_rows, assert_whole, errors, numbered, only_harbor_error, start, with};
use image_service_tests::harbor::{PASSWORD, USER};
use image_service_tests::{Fault, ForeignHost, Gate, Harbor, Program, Version, composition};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A Harbor of 20 repositories with 3 artifacts each, which lists the artifacts of so many and no more.
async fn slow(listed: usize) -> Harbor {
    let gate = Gate::letting_through(listed);
    Harbor::of(Version::V2_8).repositories(20, 3).fault("/artifacts", Fault::Held(gate)).start().await.unwrap()
}

/// A program whose listing of this Harbor has so many seconds.
fn start_with(harbor: &Harbor, timeout: f64) -> Program {
    // One request at a time, so that the first repositories are those that are listed.
    start(with(with(harbor.config(), "listing_timeout", timeout), "max_concurrency", 1))
}

#[tokio::test]
async fn after_the_timeout_the_answer_has_the_rows_that_arrived_and_one_error_that_counts_the_rest() {
    let harbor = slow(5).await;
    let program = start_with(&harbor, 1.0);
    let started = Instant::now();
    let images = program.images().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1) && started.elapsed() < Duration::from_secs(10));
    let arrived: Vec<String> = (0..5).flat_map(|number| numbered(&format!("a/r{number:02}"), 3)).collect();
    assert_rows(&images, &arrived);
    let error = only_harbor_error(&images);
    assert!(error.contains("had not ended within 1 s") && error.contains("listing_timeout"), "{error}");
    assert!(error.ends_with("missing: 15 repositories"), "{error}");
}

#[tokio::test]
async fn after_the_timeout_the_program_asks_for_nothing_more_and_the_instance_answers_others() {
    let harbor = slow(0).await;
    let mut program = start_with(&harbor, 0.5);
    for _ in 0..3 {
        assert!(only_harbor_error(&program.images().await.unwrap()).ends_with(": 20 repositories"));
    }
    let asked = harbor.count("/artifacts");
    assert_eq!(asked, 3, "one of each listing was under way");
    program.terminate().await.unwrap();
    assert_eq!(harbor.count("/artifacts"), asked);
}

#[tokio::test]
async fn a_silent_harbor_costs_the_time_of_one_listing_and_not_of_each_request() {
    let harbor = Harbor::of(Version::V2_12).fault("/", Fault::Silent).start().await.unwrap();
    let program = start_with(&harbor, 0.5);
    let started = Instant::now();
    let images = program.images().await.unwrap();
    assert!(only_harbor_error(&images).ends_with("projects that were not counted yet"), "{images}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn other_environments_have_it_too() {
    let harbor = slow(0).await;
    let environment = [
        ("HARBOR_URL", harbor.url.as_str()),
        ("HARBOR_USER", USER),
        ("HARBOR_PASSWORD", PASSWORD),
        ("HARBOR_LISTING_TIMEOUT", "1"),
    ];
    for host in ForeignHost::each(&composition("harbor-only"), &environment).await.unwrap() {
        let images: Value = serde_json::from_str(&host.images().await.unwrap()).unwrap();
        let (_, error) = errors(&images)[0];
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
    let program = start_with(&harbor, 60.0);
    let started = Instant::now();
    for _ in 0..20 {
        assert_whole(&program.images().await.unwrap(), &numbered("a/b", 3));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
