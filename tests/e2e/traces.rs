//! Traces: a client's trace goes on to Harbor, each listing's with its own requests, and spans go to a collector.

use crate::listing::assert_says;
use ::http::Method;
use image_service_tests::{Collected, Collector, Harbor, Launch, Node, NodeBuilder, Program, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A listing by a client with these headers.
async fn list_with(program: &Program, headers: &[(&str, &str)]) {
    program.request(Method::GET, "/images", headers).await.unwrap().bytes().await.unwrap();
}

/// A program that lists this Harbor.
fn start(harbor: &Harbor) -> Program {
    Node::builder().no_images().harbor(harbor).start().unwrap()
}

/// The same, with a collector that gets everything soon.
fn start_with(node: NodeBuilder, collector: &Collector) -> Program {
    collected_by(node.build().unwrap().launch(), collector).start().unwrap()
}

#[tokio::test]
async fn a_clients_trace_goes_on_to_harbor_with_its_state() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let mut program = start(&harbor);
    let headers = [("traceparent", PARENT), ("tracestate", "vendor=1")];
    list_with(&program, &headers).await;
    let requests = harbor.requests();
    assert!(requests.len() >= 3, "{requests:?}");
    for request in requests {
        assert_eq!(["traceparent", "tracestate"].map(|name| request.header(name)), [Some(PARENT), Some("vendor=1")]);
    }
    program.terminate().await.unwrap();
    assert_says(&program.log(), &["\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""]);
}

#[tokio::test]
async fn a_listing_without_a_trace_begins_one_for_all_its_requests() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let mut program = start(&harbor);
    let headers = [("traceparent", "00-nonsense"), ("tracestate", "vendor=1")];
    list_with(&program, &headers).await;
    let requests = harbor.requests();
    let made = requests[0].header("traceparent").unwrap();
    assert!(made.len() == 55 && made.starts_with("00-") && made.ends_with("-00"), "{made}");
    for request in &requests {
        assert_eq!(["traceparent", "tracestate"].map(|name| request.header(name)), [Some(made), None]);
    }
    program.terminate().await.unwrap();
    assert_says(&program.log(), &[&format!("\"trace_id\":\"{}\"", &made[3..35])]);
}

#[tokio::test]
async fn listings_at_the_same_time_keep_their_traces_apart() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 3);
    let harbor = harbor.latency(Duration::from_millis(50)).start().await.unwrap();
    let program = start(&harbor);
    // One after the other, the second time in instances that are there already.
    for _ in 0..2 {
        let listings = (1..=8).map(async |number| {
            let parent = format!("00-{number:032x}-00f067aa0ba902b7-00");
            list_with(&program, &[("traceparent", parent.as_str())]).await;
        });
        futures::future::join_all(listings).await;
    }
    let mut traces: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for request in harbor.requests() {
        let trace = request.header("traceparent").unwrap().to_owned();
        *traces.entry(trace).or_default().entry(request.target).or_default() += 1;
    }
    assert_eq!(traces.len(), 8, "{traces:?}");
    let first = traces.values().next().unwrap();
    assert!(first.len() >= 4 && traces.values().all(|asked| asked == first), "{traces:?}");
}

/// The program with variables that name a collector, which gets everything soon.
pub(crate) fn collected_by(launch: Launch, collector: &Collector) -> Launch {
    launch
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken")
        .variable("OTEL_BSP_SCHEDULE_DELAY", "20")
        .variable("OTEL_RESOURCE_ATTRIBUTES", "k8s.node.name=n1")
}

#[tokio::test]
async fn the_spans_of_a_request_its_sources_and_its_requests_to_harbor_go_to_a_collector() {
    let collector = Collector::start(0).await.unwrap();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let mut program = start_with(Node::builder().no_images().harbor(&harbor), &collector);
    list_with(&program, &[("traceparent", PARENT)]).await;
    for path in ["/healthz", "/metrics", "/readyz"] {
        program.get(path).await.unwrap().bytes().await.unwrap();
    }
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    // What was left has been sent before the end.
    let Collected { spans, resource, headers, .. } = collector.collected();
    let requests = harbor.requests();
    assert_eq!(spans.len(), 3 + requests.len(), "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == "4bf92f3577b34da6a3ce929d0e0e4736" && span.failure.is_none()));
    assert!(spans.iter().all(|span| span.took > 0 && span.took < 60_000_000_000));
    let named =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let (request, node, registry) = (named("GET /images"), named("containerd"), named("harbor"));
    assert_eq!((request.parent.as_str(), request.kind), ("00f067aa0ba902b7", 2));
    assert_eq!(request.attributes["http.response.status_code"], "200");
    assert_eq!((&node.parent, &registry.parent), (&request.id, &request.id));
    // Each request to Harbor named its own span as the parent of what Harbor does.
    let told = requests.iter().map(|request| request.header("traceparent").unwrap()[36..52].to_owned());
    let sent = spans.iter().filter(|span| span.parent == registry.id).map(|span| span.id.clone());
    assert_eq!(told.collect::<BTreeSet<_>>(), sent.collect::<BTreeSet<_>>());
    assert_eq!((resource["service.name"].as_str(), resource["k8s.node.name"].as_str()), ("image-service", "n1"));
    assert_eq!(
        (headers["authorization"].as_bytes(), headers["content-type"].as_bytes()),
        (&b"Bearer t0ken"[..], &b"application/x-protobuf"[..])
    );
}

#[tokio::test]
async fn a_source_that_fails_is_a_span_that_says_why() {
    let collector = Collector::start(1).await.unwrap();
    let mut program = start_with(Node::builder().no_runtime(), &collector);
    program.images().await.unwrap();
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    let collected = collector.collected();
    let source = collected.spans.iter().find(|span| span.name == "containerd").unwrap();
    assert!(source.failure.as_ref().unwrap().contains("/nonexistent"), "{source:?}");
    assert!(collected.requests > 1, "503 is tried again");
}

#[tokio::test]
async fn a_client_that_decides_against_recording_its_trace_is_obeyed() {
    let collector = Collector::start(0).await.unwrap();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
    let mut program = start_with(Node::builder().no_images().harbor(&harbor), &collector);
    let unsampled = PARENT.replace("-01", "-00");
    list_with(&program, &[("traceparent", unsampled.as_str())]).await;
    program.terminate().await.unwrap();
    assert_eq!(collector.collected().spans.len(), 0);
    assert!(harbor.requests().iter().all(|request| request.header("traceparent") == Some(&unsampled)));
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_no_request() {
    let launch = Node::builder().no_images().build().unwrap().launch();
    let launch = launch.variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let mut program = launch.variable("OTEL_BSP_SCHEDULE_DELAY", "10").start().unwrap();
    for _ in 0..20 {
        program.images().await.unwrap();
    }
    let started = Instant::now();
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn variables_for_a_push_of_metrics_give_a_warning_and_nothing_is_pushed() {
    let collector = Collector::start(0).await.unwrap();
    let launch = collected_by(Node::builder().no_images().build().unwrap().launch(), &collector);
    let launch = launch.variable("OTEL_METRIC_EXPORT_INTERVAL", "50").variable("OTEL_TRACES_EXPORTER", "none");
    let mut program = launch.start().unwrap();
    program.images().await.unwrap();
    program.terminate().await.unwrap();
    assert_says(&program.log(), &["OTEL_METRIC_EXPORT_INTERVAL has no effect", "scrape /metrics"]);
    assert_eq!(collector.collected().requests, 0);
}
