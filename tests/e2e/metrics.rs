//! Metrics: what `/metrics` says after what happened.

mod facts;
mod failures;
mod pinned;
mod store;
mod verdicts;

use ::http::Method;
use image_service_tests::{Fault, Harbor, Node, Version, eventually, test_component};
use serde_json::json;

#[tokio::test]
async fn a_listing_shows_in_each_of_its_metrics() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let program = Node::builder().one_image().harbor(&harbor).start().unwrap();
    program.images().await.unwrap();
    program.get("/nowhere/at/all").await.unwrap();
    let metrics =
        program.await_sample("image_service_requests_total{route=\"other\",status=\"404\"}", 1.0).await.unwrap();
    let asked = harbor.requests().len() as f64;
    for (sample, value) in [
        ("image_service_requests_total{route=\"/images\",status=\"200\"}", 1.0),
        ("image_service_request_duration_seconds_count{route=\"/images\"}", 1.0),
        ("image_service_source_rows{source=\"containerd\"}", 1.0),
        ("image_service_source_rows{source=\"harbor\"}", 3.0),
        ("image_service_source_duration_seconds_count{source=\"containerd\"}", 1.0),
        ("image_service_source_duration_seconds_count{source=\"harbor\"}", 1.0),
        ("image_service_upstream_requests_total{status=\"200\"}", asked),
        ("image_service_upstream_request_duration_seconds_count", asked),
        ("image_service_upstream_requests_in_flight", 0.0),
        ("image_service_log_lines_dropped_total", 0.0),
        ("image_service_config_last_reload_successful", 1.0),
        ("image_service_build_info{version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(metrics.get(sample), Some(value), "{sample} in {}", metrics.text);
    }
    assert!(metrics.get("process_resident_memory_bytes") > Some(1e6));
    assert!(metrics.iter().all(|(sample, value)| value >= 0.0 && !sample.contains("nowhere")), "no path is a label");
}

#[tokio::test]
async fn results_of_the_cache_are_counted() {
    let program = Node::builder().one_image().cache_lifetime(60).start().unwrap();
    program.images().await.unwrap();
    // The program keeps an answer a moment after it sent the last byte.
    let kept = async || program.metrics().await.unwrap().get("image_service_cache_kept_bytes") > Some(0.0);
    eventually("a kept answer", kept).await.unwrap();
    for _ in 0..2 {
        program.images().await.unwrap();
    }
    let no_store = program.request(Method::GET, "/images", &[("cache-control", "no-store")]).await.unwrap();
    no_store.bytes().await.unwrap();
    let metrics = program.await_sample("image_service_cache_requests_total{result=\"bypass\"}", 1.0).await.unwrap();
    assert_eq!(metrics.get("image_service_cache_requests_total{result=\"miss\"}"), Some(1.0));
    assert_eq!(metrics.get("image_service_cache_requests_total{result=\"hit\"}"), Some(2.0));
}

#[tokio::test]
async fn requests_that_are_sent_again_are_counted() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Status(504));
    let harbor = harbor.start().await.unwrap();
    let program = Node::builder().one_image().harbor(&harbor).start().unwrap();
    program.images().await.unwrap();
    let again = harbor.count("/artifacts") - 1;
    assert!(again > 0);
    assert_eq!(program.metrics().await.unwrap().get("image_service_upstream_retries_total"), Some(again as f64));
}

#[tokio::test]
async fn instances_that_end_badly_are_counted_by_reason() {
    let config = json!({"app_config": {"response_timeout": 0.5}, "limits_config": {"max_memory": 32 * 1024 * 1024}});
    let program = Node::builder().composition(test_component("misbehaving")).config(config).start().unwrap();
    for (path, status, reason) in [("/allocate", 500, "memory"), ("/trap", 500, "trap"), ("/spin", 504, "timeout")] {
        assert_eq!(program.get(path).await.unwrap().status(), status);
        let sample = format!("image_service_instances_ended_total{{reason=\"{reason}\"}}");
        program.await_sample(&sample, 1.0).await.unwrap();
    }
    program.await_sample("image_service_requests_total{route=\"other\",status=\"504\"}", 1.0).await.unwrap();
}

#[tokio::test]
async fn readings_of_the_configuration_are_counted_by_outcome() {
    let program = Node::builder().start().unwrap();
    let read = "image_service_config_last_reload_success_timestamp_seconds";
    let began = program.metrics().await.unwrap().get(read);
    program.hang_up().unwrap();
    let success = "image_service_config_reloads_total{outcome=\"success\"}";
    assert!(program.await_sample(success, 1.0).await.unwrap().get(read) > began);
    program.node().write("config.json", "{").unwrap();
    program.hang_up().unwrap();
    let failure = "image_service_config_reloads_total{outcome=\"failure\"}";
    let metrics = program.await_sample(failure, 1.0).await.unwrap();
    assert_eq!(metrics.get("image_service_config_last_reload_successful"), Some(0.0));
}
