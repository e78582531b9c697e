//! Traces: a client's trace goes on to Harbor, each listing's with its own requests, and spans go to a collector.

use ::http::Method;
use image_service_tests::{Harbor, Node, Version};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

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
