//! Metrics: what `/metrics` says after what happened.

use ::http::Method;
use image_service_tests::{Authority, Fault, Harbor, Node, Program, Version, test_component};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// All samples, by name and labels as they stand there.
async fn scraped(program: &Program) -> BTreeMap<String, f64> {
    let response = program.get("/metrics").await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
    let text = response.text().await.unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// Waits until a sample has this value: what is counted at the end of a request is counted after its last byte was sent.
async fn until(program: &Program, sample: &str, value: f64) -> BTreeMap<String, f64> {
    for _ in 0..500 {
        let samples = scraped(program).await;
        if samples.get(sample) == Some(&value) {
            return samples;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{sample} never was {value}: {:#?}", scraped(program).await)
}

fn one_image() -> Value {
    let images = json!({"images": [{"id": "sha256:a24bb4013296f61e", "repoTags": ["a:1"], "size": "1"}]});
    json!({"mode": "exec", "command": ["echo", images.to_string()]})
}

#[tokio::test]
async fn a_listing_shows_in_each_of_its_metrics() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let node = Node::with_harbor(one_image(), &harbor).unwrap();
    let program = node.start().unwrap();
    program.images().await.unwrap();
    program.get("/nowhere/at/all").await.unwrap();
    let samples = until(&program, "image_service_requests_total{route=\"other\",status=\"404\"}", 1.0).await;
    let asked = harbor.asked().len() as f64;
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
        assert_eq!(samples.get(sample), Some(&value), "{sample} in {samples:#?}");
    }
    for sample in [
        "image_service_requests_in_flight",
        "image_service_connections",
        "image_service_connections_total",
        "image_service_response_bytes_total{route=\"/images\"}",
        "image_service_instances",
        "image_service_instances_made_total",
        "image_service_pool_used{kind=\"memories\"}",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
        "process_cpu_seconds_total",
        "process_threads",
    ] {
        assert!(samples.get(sample).is_some_and(|value| *value >= 0.0), "{sample} in {samples:#?}");
    }
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    assert!(!samples.keys().any(|sample| sample.contains("nowhere")), "no path is a label");
}

#[tokio::test]
async fn what_the_cache_had_is_counted() {
    let config = json!({"crictl_config": one_image(), "cache_config": {"lifetime": 60}});
    let node = Node::configured(&config).unwrap();
    let program = node.start().unwrap();
    for _ in 0..3 {
        program.images().await.unwrap();
        // An answer is kept a moment after its last byte was sent.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    program
        .request_with(Method::GET, "/images", &[("cache-control", "no-store")])
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let samples = until(&program, "image_service_cache_requests_total{result=\"bypass\"}", 1.0).await;
    assert_eq!(samples["image_service_cache_requests_total{result=\"miss\"}"], 1.0);
    assert_eq!(samples["image_service_cache_requests_total{result=\"hit\"}"], 2.0);
    assert!(samples["image_service_cache_kept_bytes"] > 0.0);
}

#[tokio::test]
async fn failures_of_the_node_are_counted_by_kind() {
    let out_of_time = json!({"mode": "exec", "command": ["sleep", "60"], "timeout": 0.1});
    for (kind, crictl) in [
        ("unavailable", json!({"mode": "cri", "endpoint": "unix:///nonexistent"})),
        ("timed_out", out_of_time),
        ("malformed", json!({"mode": "exec", "command": ["echo", "{\"images\": 1}"]})),
    ] {
        let node = Node::new(crictl).unwrap();
        let program = node.start().unwrap();
        program.images().await.unwrap();
        let sample = format!("image_service_source_errors_total{{kind=\"{kind}\",source=\"containerd\"}}");
        until(&program, &sample, 1.0).await;
    }
}

/// The kinds of failures of Harbor after a listing under this `harbor_config`.
async fn kinds(config: Value) -> Vec<String> {
    let node = Node::configured(&json!({"crictl_config": one_image(), "harbor_config": config})).unwrap();
    let program = node.start().unwrap();
    program.images().await.unwrap();
    let samples = scraped(&program).await;
    let kind = |sample: &str| {
        let rest = sample.strip_prefix("image_service_source_errors_total{kind=\"")?;
        Some(rest.strip_suffix("\",source=\"harbor\"}")?.to_owned())
    };
    samples.keys().filter_map(|sample| kind(sample)).collect()
}

#[tokio::test]
async fn failures_of_harbor_are_counted_by_kind() {
    let nobody = json!({"url": "http://127.0.0.1:1", "user": "u", "password": "p"});
    assert_eq!(kinds(nobody).await, ["connection_refused"]);
    let nameless = json!({"url": "http://harbor.invalid", "user": "u", "password": "p"});
    assert_eq!(kinds(nameless).await, ["dns"]);
    let authority = Authority::new().unwrap();
    let stranger = Harbor::of(Version::V2_8).tls(authority.server(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    assert_eq!(kinds(stranger.config()).await, ["tls"]);
    for (kind, fault) in [
        ("status_5xx", Fault::Status(500)),
        ("denied", Fault::Status(403)),
        ("status_4xx", Fault::Status(404)),
        ("throttled", Fault::Status(429)),
    ] {
        let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", fault).start().await.unwrap();
        assert_eq!(kinds(harbor.config()).await, [kind]);
    }
}

#[tokio::test]
async fn requests_that_are_sent_again_are_counted() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Status(503));
    let harbor = harbor.start().await.unwrap();
    let node = Node::with_harbor(one_image(), &harbor).unwrap();
    let program = node.start().unwrap();
    program.images().await.unwrap();
    let again = harbor.count("/artifacts") - 1;
    assert!(again > 0);
    assert_eq!(scraped(&program).await["image_service_upstream_retries_total"], again as f64);
}

#[tokio::test]
async fn instances_that_end_badly_are_counted_by_reason() {
    let config = json!({
        "composition": test_component("misbehaving"),
        "app_config": {"response_timeout": 1},
        "limits_config": {"max_memory": 32 * 1024 * 1024},
    });
    let node = Node::configured(&config).unwrap();
    let program = node.start().unwrap();
    assert_eq!(program.get("/allocate").await.unwrap().status(), 500);
    until(&program, "image_service_instances_ended_total{reason=\"memory\"}", 1.0).await;
    assert_eq!(program.get("/trap").await.unwrap().status(), 500);
    until(&program, "image_service_instances_ended_total{reason=\"trap\"}", 1.0).await;
    assert_eq!(program.get("/spin").await.unwrap().status(), 504);
    let samples = until(&program, "image_service_instances_ended_total{reason=\"timeout\"}", 1.0).await;
    assert_eq!(samples["image_service_requests_total{route=\"other\",status=\"504\"}"], 1.0);
}

#[tokio::test]
async fn readings_of_the_configuration_are_counted_by_outcome() {
    let node = Node::configured(&json!({})).unwrap();
    let program = node.start().unwrap();
    let began = scraped(&program).await["image_service_config_last_reload_success_timestamp_seconds"];
    program.hang_up().unwrap();
    let samples = until(&program, "image_service_config_reloads_total{outcome=\"success\"}", 1.0).await;
    assert!(samples["image_service_config_last_reload_success_timestamp_seconds"] > began);
    std::fs::write(node.config(), "{").unwrap();
    program.hang_up().unwrap();
    let samples = until(&program, "image_service_config_reloads_total{outcome=\"failure\"}", 1.0).await;
    assert_eq!(samples["image_service_config_last_reload_successful"], 0.0);
}
