//! `cache_config.max_bytes`.

use super::Cached;
use http::Method;
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
    // Answers for other hosts are other answers.
    let get = async |host: &str| cached.program.request(Method::GET, "/images", &[("host", host)]).await.unwrap();
    let status = async |host: &str| {
        let response = get(host).await;
        let status = response.header("cache-status").to_owned();
        response.bytes().await.unwrap();
        let kept = async || get(host).await.header("cache-status").contains("hit");
        eventually("the kept answer", kept).await.unwrap();
        status
    };
    // Each takes about 15,000 bytes.
    for number in 0..10 {
        assert!(status(&format!("host{number}.example")).await.contains("uri-miss"));
    }
    assert!(status("host9.example").await.contains("hit"));
    assert!(status("host0.example").await.contains("uri-miss"));
}
