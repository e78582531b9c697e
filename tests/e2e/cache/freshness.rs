//! When the program gives an answer again, and when it asks the sources anew.

use super::{Answer, Cached};
use image_service_tests::{Fault, Harbor, Version, eventually};
use serde_json::json;

/// Asks until a kept answer with the shortest lifetime, one second, is no longer fresh.
async fn expired(cached: &Cached) -> Answer {
    let expired = async || {
        let answer = cached.get(&[]).await;
        assert!(!answer.is_fresh() || answer.header("age") == Some("0"), "{:?} is too old", answer.headers);
        Some(answer).filter(|answer| !answer.is_fresh())
    };
    eventually("the end of the kept answer's lifetime", expired).await.unwrap()
}

#[tokio::test]
async fn a_fresh_answer_is_given_again_and_no_source_is_asked() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    let first = cached.get(&[]).await;
    assert_eq!(first.cache_status(), "image-service; fwd=uri-miss");
    assert_eq!(first.header("cache-control"), Some("max-age=60, stale-while-revalidate=60"));
    let second = cached.hit().await;
    assert!(second.cache_status().starts_with("image-service; hit; ttl="), "{}", second.cache_status());
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert_eq!(second.header("content-length"), Some(first.body.len().to_string().as_str()));
    assert_eq!(second.header("age"), Some("0"));
    assert!(second.header("etag").is_some());
    assert_eq!(cached.listings(), 1);
}

#[tokio::test]
async fn a_kept_answer_grows_old() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    cached.hit().await;
    let aged = async || cached.get(&[]).await.header("age") == Some("1");
    eventually("an answer of one second", aged).await.unwrap();
}

#[tokio::test]
async fn an_edit_of_the_ignore_file_counts_from_the_next_request_on() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    assert_eq!(cached.hit().await.rows(), 3);
    cached.program.node().ignore(&format!("{:013x}\n", 0)).unwrap();
    let answer = cached.get(&[]).await;
    assert_eq!(answer.cache_status(), "image-service; fwd=stale");
    // All three ids begin with the same 13 zeros.
    assert_eq!(answer.rows(), 0);
}

#[tokio::test]
async fn an_old_answer_is_given_while_a_new_one_is_fetched() {
    let cached = Cached::start(3, json!({"lifetime": 1, "stale_while_revalidate": 60})).await;
    assert_eq!(cached.hit().await.rows(), 3);
    cached.change(4);
    let old = expired(&cached).await;
    assert_eq!(old.rows(), 3);
    assert!(old.cache_status().contains("hit; ttl=-1"), "{}", old.cache_status());
    let renewed = async || cached.get(&[]).await.rows() == 4;
    eventually("the new answer", renewed).await.unwrap();
    assert_eq!(cached.listings(), 2);
}

#[tokio::test]
async fn an_old_answer_is_not_given_without_stale_while_revalidate() {
    let cached = Cached::start(3, json!({"lifetime": 1, "stale_while_revalidate": 0})).await;
    assert_eq!(cached.hit().await.rows(), 3);
    cached.change(4);
    let answer = expired(&cached).await;
    assert_eq!((answer.rows(), answer.cache_status()), (4, "image-service; fwd=stale"));
}

#[tokio::test]
async fn an_answer_with_errors_is_kept_for_a_second_at_most() {
    let harbor = Harbor::of(Version::V2_12).fault("/", Fault::Status(403)).start().await.unwrap();
    let cached = Cached::with_harbor(3, json!({"lifetime": 60}), harbor);
    assert_eq!(cached.hit().await.header("cache-control"), Some("max-age=1"));
    assert_eq!(expired(&cached).await.cache_status(), "image-service; fwd=stale");
}
