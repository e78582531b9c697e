//! What the metrics say of how nodes and Harbor compare, and for how long.

use super::facts::Facts;
use crate::inventory::{filled, node};
use http::Method;
use image_service_tests::harbor::Outage;
use image_service_tests::{Harbor, Metrics, Node, Program, eventually};
use serde_json::{Value, json};

const TIMESTAMP: &str = "image_service_verdict_timestamp_seconds";

fn rows(verdict: &str) -> String {
    format!("image_service_verdict_rows{{verdict=\"{verdict}\"}}")
}

/// The verdicts that some rows have, with their number.
fn verdicts(metrics: &Metrics) -> Vec<(String, f64)> {
    let all = metrics.iter().filter(|(sample, rows)| sample.starts_with("image_service_verdict_rows") && *rows > 0.0);
    all.map(|(sample, rows)| (sample.split('"').nth(1).unwrap().to_owned(), rows)).collect()
}

async fn harbor() -> Harbor {
    filled().start().await.unwrap()
}

/// What [`node`] beside [`harbor`] is.
fn expected() -> Vec<(String, f64)> {
    let each = ["drifted", "foreign", "in_sync", "missing"].map(|verdict| (verdict.to_owned(), 1.0));
    let mut expected = each.to_vec();
    expected.push(("on_no_node".to_owned(), 2.0));
    expected.extend(["proxied", "unknown", "untagged"].map(|verdict| (verdict.to_owned(), 1.0)));
    expected
}

pub(super) async fn after_a_comparison_with_each_verdict() -> Facts {
    let harbor = harbor().await;
    let program = node(&harbor).config(json!({"compare_config": {"outdated": "major"}})).start().unwrap();
    program.get("/compare").await.unwrap().bytes().await.unwrap();
    let metrics = program.metrics().await.unwrap();
    assert_eq!(metrics.get(&rows("outdated")), Some(1.0), "v1 beside v2: {}", metrics.text);
    Facts::of(&metrics)
}

async fn assert_absent(program: &Program, when: &str) {
    let metrics = program.metrics().await.unwrap();
    assert!(!metrics.text.contains("image_service_verdict"), "{when}: {}", metrics.text);
}

#[tokio::test]
async fn rows_by_verdict_are_absent_until_somebody_asks_and_are_those_of_all_rows_whatever_was_asked() {
    let harbor = harbor().await;
    for (method, path) in [
        (Method::GET, "/compare"),
        (Method::HEAD, "/compare"),
        (Method::GET, "/inventory?q=redis&verdict=proxied"),
        (Method::GET, "/inventory.csv"),
    ] {
        let program = node(&harbor).start().unwrap();
        program.images().await.unwrap();
        assert_absent(&program, "nobody asked").await;
        let answer = program.request(method.clone(), path, &[]).await.unwrap();
        assert!(!format!("{:?}", answer.headers()).contains("missing="), "clients see nothing of it");
        let metrics = program.metrics().await.unwrap();
        assert_eq!(verdicts(&metrics), expected(), "{method} {path}");
        assert!(metrics.get(TIMESTAMP) > metrics.get("process_start_time_seconds").map(|start| start - 60.0));
    }
}

#[tokio::test]
async fn with_refresh_the_program_looks_by_itself() {
    let harbor = harbor().await;
    let node = node(&harbor).cache_lifetime(0).config(json!({"compare_config": {"refresh": 1}})).build().unwrap();
    let program = node.start().unwrap();
    let looked = async || {
        let metrics = program.metrics().await.unwrap();
        (verdicts(&metrics) == expected()).then_some(metrics)
    };
    let metrics = eventually("a look", looked).await.unwrap();
    assert!(!metrics.text.contains("route=\"/compare\""), "no client asked: {}", metrics.text);
    harbor.push("team/lost").await;
    program.await_sample(&rows("on_no_node"), 3.0).await.unwrap();
}

#[tokio::test]
async fn while_harbor_fails_its_images_count_as_unknown_and_none_as_missing() {
    let harbor = harbor().await;
    harbor.set_outage(Some(Outage::Database));
    let program = node(&harbor).start().unwrap();
    program.get("/compare").await.unwrap().bytes().await.unwrap();
    let metrics = program.metrics().await.unwrap();
    let all = verdicts(&metrics);
    assert!(all.iter().all(|(verdict, _)| matches!(verdict.as_str(), "unknown" | "foreign")), "{all:?}");
    assert_eq!(metrics.get(&rows("missing")), Some(0.0));
}

#[tokio::test]
async fn where_nothing_can_be_missing_or_the_configuration_is_another_one_there_are_no_rows_by_verdict() {
    let asked = async |program: &Program| drop(program.get("/compare").await.unwrap().bytes().await.unwrap());
    let alone = Node::builder().one_image().start().unwrap();
    asked(&alone).await;
    assert_absent(&alone, "there is no Harbor").await;
    let harbor = harbor().await;
    let no_node = Node::builder().no_runtime().harbor(&harbor).start().unwrap();
    asked(&no_node).await;
    assert_absent(&no_node, "the node fails").await;
    let program = node(&harbor).start().unwrap();
    asked(&program).await;
    assert_eq!(program.metrics().await.unwrap().get(&rows("missing")), Some(1.0));
    program.node().configure(json!({"harbor_config": Value::Null})).unwrap();
    program.reload().await.unwrap();
    assert_absent(&program, "the configuration is another one").await;
}
