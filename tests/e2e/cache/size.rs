//! `cache_config.max_bytes`.

use super::Cached;
use image_service_tests::eventually;
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
    let cached = Cached::start(100, json!({"lifetime": 60, "max_bytes": 60_000})).await;
    let status = async |path: &str| {
        let response = cached.program.get(path).await.unwrap();
        let status = response.header("cache-status").to_owned();
        response.bytes().await.unwrap();
        let kept = async || cached.program.get(path).await.unwrap().header("cache-status").contains("hit");
        eventually("the kept answer", kept).await.unwrap();
        status
    };
    // Each takes about 15,000 bytes.
    for number in 0..10 {
        assert!(status(&format!("/images?{number}")).await.contains("uri-miss"));
    }
    assert!(status("/images?9").await.contains("hit"));
    assert!(status("/images?0").await.contains("uri-miss"));
}
