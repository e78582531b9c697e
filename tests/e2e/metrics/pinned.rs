//! All metrics with their types, labels and values of labels, as `expected/metrics.txt` has them.

use super::facts::Facts;
use super::failures::after_failures_of_each_kind;
use crate::sandbox::Escaping;
use image_service_tests::{Fault, Harbor, Node, Version};

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

/// The metrics of a program whose routes were all asked.
async fn after_requests_for_each_route() -> Facts {
    let program = Node::builder().one_image().node_api("t0ken").start().unwrap();
    for path in ["/images", "/healthz", "/readyz", "/openapi.json", "/v1/crictl/images", "/nowhere", "/metrics"] {
        program.get(path).await.unwrap().bytes().await.unwrap();
    }
    let scrape = "image_service_requests_total{route=\"/metrics\",status=\"200\"}";
    Facts::of(&program.await_sample(scrape, 1.0).await.unwrap())
}

#[tokio::test]
async fn all_metrics_and_labels_and_values_are_the_pinned_ones_and_each_value_has_its_cause() {
    let (failures, refusals, routes) =
        tokio::join!(after_failures_of_each_kind(), after_refusals_of_each_reason(), after_requests_for_each_route());
    Facts(failures.0.into_iter().chain(refusals.0).chain(routes.0).collect()).assert_expected();
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
