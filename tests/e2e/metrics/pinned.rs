//! All metrics with their types, labels and values of labels, as `expected/metrics.txt` has them.

use super::facts::Facts;
use super::failures::after_failures_of_each_kind;
use super::verdicts::after_a_comparison_with_each_verdict;
use crate::sandbox::Escaping;
use image_service_tests::{Fault, Harbor, Node, Program, Version, eventually};
use serde_json::json;
use std::collections::BTreeSet;

/// The metrics of a program whose component asked for all that the host refuses.
async fn after_refusals_of_each_reason() -> Facts {
    let elsewhere = Fault::RedirectTo("https://elsewhere.example".to_owned());
    let escaping = Escaping::with(Harbor::of(Version::V2_12).fault("/redirected", elsewhere)).await;
    let refused = "image_service_source_errors_total{kind=\"refused_by_host\",source=\"harbor\"}";
    let too_long = format!("accept: {}", "a".repeat(9_000));
    for (count, told) in
        [(1.0, ("ask-method", "DELETE")), (2.0, ("ask-authority", "127.0.0.1:1")), (3.0, ("ask-header", &too_long))]
    {
        escaping.asks(&[told]).await;
        assert_eq!(escaping.program.metrics().await.unwrap().get(refused), Some(count), "{told:?}");
    }
    for told in [("ask-header", "cookie: sid=1"), ("ask-path", "/redirected")] {
        escaping.asks(&[told]).await;
    }
    Facts::of(&escaping.program.metrics().await.unwrap())
}

/// The metrics of programs that listed Harbor in each way.
async fn after_listings_of_each_method() -> Facts {
    let harbor = Harbor::of(Version::V2_16).filled(2, 5, 2).start().await.unwrap();
    let before = harbor.backup().await;
    let older = Harbor::of(Version::V2_12).start().await.unwrap();
    let node = |harbor, config| Node::builder().one_image().harbor(harbor).cache_lifetime(0).config(config);
    let kept = json!({"harbor_config": {"full_listing_interval": 3600}});
    let count = async |program: &Program, labels: &str| {
        let sample = format!("image_service_harbor_listings_total{{{labels}}}");
        let counted = eventually(&sample, async || {
            program.images().await.unwrap();
            let metrics = program.metrics().await.unwrap();
            metrics.get(&sample).is_some().then_some(metrics)
        });
        Facts::of(&counted.await.unwrap())
    };
    let mut facts = Facts(BTreeSet::new());
    let mut add = |more: Facts| facts.0.extend(more.0);
    let program = node(&harbor, kept).start().unwrap();
    add(count(&program, "method=\"changes\",reason=\"none\"").await);
    harbor.push("project000/repository0003").await;
    program.images().await.unwrap();
    harbor.restore(before).await;
    add(count(&program, "method=\"whole\",reason=\"distrusted\"").await);
    for (config, reason) in [
        (json!({"harbor_config": {"full_listing_interval": 0}}), "off"),
        (json!({"harbor_config": {"full_listing_interval": 1}}), "due"),
        (json!({"cache_config": {"max_store_memory": 0}}), "no_store"),
        (json!({}), "first"),
    ] {
        let program = node(&harbor, config).start().unwrap();
        add(count(&program, &format!("method=\"whole\",reason=\"{reason}\"")).await);
    }
    let program = node(&older, json!({})).start().unwrap();
    add(count(&program, "method=\"whole\",reason=\"unmarked\"").await);
    // Some 33 ms of one of two processors for each of 120 repositories.
    let slow = Harbor::of(Version::V2_16).filled(2, 60, 100).costs(1.0).start().await.unwrap();
    let program = node(&slow, json!({"harbor_config": {"listing_timeout": 1}})).start().unwrap();
    add(count(&program, "method=\"resumed\",reason=\"none\"").await);
    facts
}

/// The metrics of a program whose routes were all asked.
async fn after_requests_for_each_route() -> Facts {
    let program = Node::builder().one_image().node_api("t0ken").start().unwrap();
    for path in [
        "/images",
        "/inventory",
        "/compare",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/v1/crictl/images",
        "/login",
        "/logout",
        "/nowhere",
        "/metrics",
    ] {
        program.get(path).await.unwrap().bytes().await.unwrap();
    }
    let scrape = "image_service_requests_total{route=\"/metrics\",status=\"200\"}";
    Facts::of(&program.await_sample(scrape, 1.0).await.unwrap())
}

#[tokio::test]
async fn all_metrics_and_labels_and_values_are_the_pinned_ones_and_each_value_has_its_cause() {
    let (failures, refusals, routes, listings, verdicts) = tokio::join!(
        after_failures_of_each_kind(),
        after_refusals_of_each_reason(),
        after_requests_for_each_route(),
        after_listings_of_each_method(),
        after_a_comparison_with_each_verdict()
    );
    let all = failures.0.into_iter().chain(refusals.0).chain(routes.0).chain(listings.0).chain(verdicts.0);
    Facts(all.collect()).assert_expected();
}

#[test]
fn a_new_metric_or_value_fails_with_what_to_do() {
    let mut facts = Facts::expected();
    facts.0.insert("image_service_new_total counter".to_owned());
    facts.0.remove("image_service_requests_total route /images");
    let failed = std::panic::catch_unwind(|| facts.assert_expected()).unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    for part in
        ["+ image_service_new_total counter", "- image_service_requests_total route /images", "docs/operations.md"]
    {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
}
