//! Traces: a client's trace goes on to Harbor, each listing's with its own requests, and spans go to a collector.

use ::http::Method;
use image_service_tests::{Collected, Collector, Harbor, Node, Version};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn no_images() -> serde_json::Value {
    json!({"mode": "exec", "command": ["echo", "{\"images\": []}"]})
}

#[tokio::test]
async fn a_clients_trace_goes_on_to_harbor_with_its_state() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let node = Node::with_harbor(no_images(), &harbor).unwrap();
    let program = node.start_logging().unwrap();
    let headers = [("traceparent", PARENT), ("tracestate", "vendor=1")];
    let response = program.request_with(Method::GET, "/images", &headers).await.unwrap();
    response.bytes().await.unwrap();
    let asked = harbor.asked();
    assert!(asked.len() >= 3, "{asked:?}");
    for asked in asked {
        assert_eq!((asked.traceparent.as_deref(), asked.tracestate.as_deref()), (Some(PARENT), Some("vendor=1")));
    }
    program.terminate().unwrap();
    assert!(node.log().contains("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""), "{}", node.log());
}

#[tokio::test]
async fn a_listing_without_a_trace_begins_one_for_all_its_requests() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let node = Node::with_harbor(no_images(), &harbor).unwrap();
    let program = node.start_logging().unwrap();
    let headers = [("traceparent", "00-nonsense"), ("tracestate", "vendor=1")];
    program.request_with(Method::GET, "/images", &headers).await.unwrap().bytes().await.unwrap();
    let asked = harbor.asked();
    let made = asked[0].traceparent.clone().unwrap();
    assert!(made.len() == 55 && made.starts_with("00-") && made.ends_with("-00"), "{made}");
    assert!(asked.iter().all(|asked| asked.traceparent.as_ref() == Some(&made) && asked.tracestate.is_none()));
    program.terminate().unwrap();
    assert!(node.log().contains(&format!("\"trace_id\":\"{}\"", &made[3..35])), "{}", node.log());
}

#[tokio::test]
async fn listings_at_the_same_time_keep_their_traces_apart() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 3);
    let harbor = harbor.latency(Duration::from_millis(50)).start().await.unwrap();
    let node = Node::with_harbor(no_images(), &harbor).unwrap();
    let program = node.start().unwrap();
    // One after the other, the second time in instances that are there already.
    for _ in 0..2 {
        let listings = (1..=8).map(async |number| {
            let parent = format!("00-{number:032x}-00f067aa0ba902b7-00");
            let response =
                program.request_with(Method::GET, "/images", &[("traceparent", parent.as_str())]).await.unwrap();
            response.bytes().await.unwrap();
        });
        futures::future::join_all(listings).await;
    }
    let mut traces: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for asked in harbor.asked() {
        *traces.entry(asked.traceparent.unwrap()).or_default().entry(asked.target).or_default() += 1;
    }
    assert_eq!(traces.len(), 8, "{traces:?}");
    let first = traces.values().next().unwrap();
    assert!(first.len() >= 4 && traces.values().all(|asked| asked == first), "{traces:?}");
}

/// The variables that name a collector, which gets everything soon.
fn collected_by(collector: &Collector) -> Vec<(&str, &str)> {
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.node.name=n1"),
    ]
}

// A collector has to answer while the program ends, which is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn spans_of_a_request_its_sources_and_harbors_answers_go_to_a_collector() {
    let collector = Collector::start(0).await.unwrap();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let node = Node::with_harbor(no_images(), &harbor).unwrap();
    let program = node.start_with(&collected_by(&collector)).unwrap();
    program.request_with(Method::GET, "/images", &[("traceparent", PARENT)]).await.unwrap().bytes().await.unwrap();
    for path in ["/healthz", "/metrics", "/readyz"] {
        program.get(path).await.unwrap().bytes().await.unwrap();
    }
    assert_eq!(program.terminate().unwrap().code(), Some(0));
    // What was left has been sent before the end.
    let Collected { spans, resource, headers, .. } = collector.collected();
    let asked = harbor.asked();
    assert_eq!(spans.len(), 3 + asked.len(), "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == "4bf92f3577b34da6a3ce929d0e0e4736" && span.failure.is_none()));
    assert!(spans.iter().all(|span| span.took > 0 && span.took < 60_000_000_000));
    let named =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let (request, node, registry) = (named("GET /images"), named("containerd"), named("harbor"));
    assert_eq!((request.parent.as_str(), request.kind), ("00f067aa0ba902b7", 2));
    assert_eq!(request.attributes["http.response.status_code"], "200");
    assert_eq!((&node.parent, &registry.parent), (&request.id, &request.id));
    // Each request to Harbor named its own span as the parent of what Harbor does.
    let told = asked.iter().map(|asked| asked.traceparent.as_ref().unwrap()[36..52].to_owned());
    let sent = spans.iter().filter(|span| span.parent == registry.id).map(|span| span.id.clone());
    assert_eq!(told.collect::<BTreeSet<_>>(), sent.collect::<BTreeSet<_>>());
    assert_eq!((resource["service.name"].as_str(), resource["k8s.node.name"].as_str()), ("image-service", "n1"));
    assert_eq!(
        (headers["authorization"].as_bytes(), headers["content-type"].as_bytes()),
        (&b"Bearer t0ken"[..], &b"application/x-protobuf"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_a_span_that_says_why() {
    let collector = Collector::start(1).await.unwrap();
    let node = Node::new(json!({"mode": "cri", "endpoint": "unix:///nonexistent"})).unwrap();
    let program = node.start_with(&collected_by(&collector)).unwrap();
    program.images().await.unwrap();
    assert_eq!(program.terminate().unwrap().code(), Some(0));
    let collected = collector.collected();
    let source = collected.spans.iter().find(|span| span.name == "containerd").unwrap();
    assert!(source.failure.as_ref().unwrap().contains("/nonexistent"), "{source:?}");
    assert!(collected.requests > 1, "503 is tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_that_a_trace_is_not_recorded_is_obeyed() {
    let collector = Collector::start(0).await.unwrap();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let node = Node::with_harbor(no_images(), &harbor).unwrap();
    let program = node.start_with(&collected_by(&collector)).unwrap();
    let unsampled = PARENT.replace("-01", "-00");
    let headers = [("traceparent", unsampled.as_str())];
    program.request_with(Method::GET, "/images", &headers).await.unwrap().bytes().await.unwrap();
    program.terminate().unwrap();
    assert_eq!(collector.collected().spans.len(), 0);
    assert!(harbor.asked().iter().all(|asked| asked.traceparent.as_ref() == Some(&unsampled)));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_go_to_a_collector_as_prometheus_gets_them() {
    let collector = Collector::start(0).await.unwrap();
    let node = Node::new(no_images()).unwrap();
    let mut variables = collected_by(&collector);
    variables.extend([("OTEL_METRIC_EXPORT_INTERVAL", "50"), ("OTEL_TRACES_EXPORTER", "none")]);
    let program = node.start_with(&variables).unwrap();
    for _ in 0..3 {
        program.images().await.unwrap();
    }
    program.terminate().unwrap();
    let collected = collector.collected();
    assert_eq!(collected.sums["image_service_requests_total"], 3.0, "{collected:#?}");
    assert_eq!(collected.counts["image_service_request_duration_seconds"], 3);
    assert_eq!(collected.spans.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_costs_no_request() {
    let node = Node::new(no_images()).unwrap();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
    let program = node.start_with(&variables).unwrap();
    for _ in 0..20 {
        program.images().await.unwrap();
    }
    let started = Instant::now();
    assert_eq!(program.terminate().unwrap().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20));
}
