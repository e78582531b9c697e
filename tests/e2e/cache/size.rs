//! `cache_config.max_bytes`.

use super::Cached;
use image_service_tests::{Node, eventually, test_component};
use serde_json::json;

#[tokio::test]
async fn an_answer_larger_than_the_cache_is_whole_and_not_kept() {
    let cached = Cached::start(5000, json!({"lifetime": 60, "max_bytes": 20_000})).await;
    let answers = futures::future::join_all((0..8).map(|_| cached.get(&[("accept-encoding", "gzip")]))).await;
    let plain = cached.get(&[]).await;
    assert_eq!(plain.rows(), 5000);
    for answer in answers {
        assert!(answer.decoded() == plain.body);
    }
    assert_eq!(cached.get(&[]).await.cache_status(), "image-service; fwd=uri-miss");
}

#[tokio::test]
async fn the_answer_that_no_client_asked_for_the_longest_makes_room() {
    let cache = json!({"cache_config": {"lifetime": 60, "max_bytes": 60_000}});
    let program = Node::builder().composition(test_component("misbehaving")).config(cache).start().unwrap();
    let get = async |number: u32| program.get(&format!("/kept/{number}")).await.unwrap();
    let status = async |number: u32| {
        let response = get(number).await;
        let status = response.header("cache-status").to_owned();
        response.bytes().await.unwrap();
        let kept = async || get(number).await.header("cache-status").contains("hit");
        eventually("the kept answer", kept).await.unwrap();
        status
    };
    for number in 0..10 {
        assert!(status(number).await.contains("uri-miss"));
    }
    assert!(status(9).await.contains("hit"));
    assert!(status(0).await.contains("uri-miss"));
}
