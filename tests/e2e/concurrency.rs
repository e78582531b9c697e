//! How many requests Harbor gets at a time: fewer while it is in trouble, and as many as configured while it is well.

use crate::listing::{assert_whole, harbor_rows, numbered, start};
use image_service_tests::harbor::Outage;
use image_service_tests::{Fault, Gate, Harbor, Program, Version, eventually, is_pending};
use std::time::Duration;

const LIMIT: &str = "image_service_upstream_concurrency_limit";
/// The default of `limits_config.max_upstream_requests`.
const MAX: f64 = 64.0;

async fn limit(program: &Program) -> f64 {
    program.metrics().await.unwrap().get(LIMIT).unwrap()
}

#[tokio::test]
async fn while_harbor_fails_fewer_requests_at_a_time_are_sent_and_as_many_as_before_once_it_is_well() {
    // Slow enough for eight requests to be under way together.
    let harbor = Harbor::of(Version::V2_8).repositories(60, 1).latency(Duration::from_millis(20));
    let harbor = harbor.fault("/artifacts", Fault::TooManyClients).start().await.unwrap();
    let program = start(harbor.config());
    program.await_sample(LIMIT, MAX).await.unwrap();

    assert_eq!(harbor_rows(&program.images().await.unwrap()).len(), 0);
    let lowered = limit(&program).await;
    assert!(lowered <= 2.0, "{lowered}");
    program.await_log("Harbor fails with ").await.unwrap();

    // The few answers before the lists of artifacts raise it a little.
    let (gate, before) = (Gate::closed(), harbor.count("/artifacts"));
    harbor.set_fault(Some(("/artifacts", Fault::Held(gate.clone()))));
    let look = async {
        let all_held = async || {
            let held = harbor.count("/artifacts") - before;
            (held > 0 && limit(&program).await == held as f64).then_some(held)
        };
        let held = eventually("as many requests as may be under way", all_held).await.unwrap();
        assert!(held < 8, "a listing without trouble asks for eight at a time");
        assert!(is_pending(harbor.await_requests("/artifacts", before + held + 1)).await);
        gate.open();
    };
    let (images, ()) = tokio::join!(program.images(), look);
    assert_eq!(harbor_rows(&images.unwrap()).len(), 60);
    program.await_sample(LIMIT, MAX).await.unwrap();
    program.await_log("Harbor answers well again").await.unwrap();
}

#[tokio::test]
async fn while_harbor_is_much_slower_than_usual_fewer_requests_at_a_time_are_sent() {
    let harbor = Harbor::of(Version::V2_8).repositories(100, 1).start().await.unwrap();
    let program = start(harbor.config());
    let all = async || assert_eq!(harbor_rows(&program.images().await.unwrap()).len(), 100);
    all().await;
    program.await_sample(LIMIT, MAX).await.unwrap();

    harbor.set_outage(Some(Outage::Cache(Duration::from_millis(200))));
    all().await;
    let lowered = limit(&program).await;
    assert!((1.0..=6.0).contains(&lowered), "{lowered}");
    program.await_log("Harbor is much slower than usual with ").await.unwrap();

    harbor.set_outage(None);
    all().await;
    program.await_sample(LIMIT, MAX).await.unwrap();
    program.await_log("Harbor answers well again").await.unwrap();
}

/// A Harbor of 40 repositories with one artifact and 30 with 50, and its rows. Requests take `scale` times what they take a real
/// one on two processors, so that this machine's own load does not show.
async fn healthy(version: Version, scale: f64) -> (Harbor, Vec<String>) {
    let names = |project: &'static str, count: usize| (0..count).map(move |number| format!("{project}/r{number:02}"));
    let mut harbor = Harbor::of(version);
    let mut expected = Vec::new();
    for (name, artifacts) in names("a", 40).map(|name| (name, 1)).chain(names("b", 30).map(|name| (name, 50))) {
        harbor = harbor.repository(&name, artifacts);
        expected.extend(numbered(&name, artifacts));
    }
    (harbor.costs(scale).start().await.unwrap(), expected)
}

/// Asserts that the program never lowered the limit.
async fn assert_never_lowered(mut program: Program) {
    program.await_sample(LIMIT, MAX).await.unwrap();
    program.terminate().await.unwrap();
    // The log has the first time, always.
    assert!(!program.log().contains("the program sends it"), "{}", program.log());
}

#[tokio::test]
async fn a_healthy_listing_of_small_and_large_repositories_is_never_slowed_down() {
    for version in [Version::V2_8, Version::V2_16] {
        let (harbor, expected) = healthy(version, 4.0).await;
        let program = start(harbor.config());
        assert_whole(&program.images().await.unwrap(), &expected);
        assert_never_lowered(program).await;
    }
}

#[tokio::test]
async fn a_healthy_harbor_that_answers_more_slowly_as_more_listings_ask_is_asked_as_much_as_configured() {
    let (harbor, expected) = healthy(Version::V2_8, 2.0).await;
    let program = start(harbor.config());
    assert_whole(&program.images().await.unwrap(), &expected);
    // With four times as much at a time, each request takes four times as long.
    for images in futures::future::join_all((0..4).map(|_| program.images())).await {
        assert_whole(&images.unwrap(), &expected);
    }
    assert_never_lowered(program).await;
}
