//! The machine's date is set while the program runs, or while it does not. Nothing that is kept gets younger by that, or outlives its
//! time.

use crate::listing::{errors, harbor_rows};
use crate::stale_if_error::{assert_stale, sources};
use http::Method;
use image_service_tests::{Harbor, Node, Program, SettableClock, Version};
use serde_json::{Value, json};
use std::time::Duration;

/// How old the rows are that an answer has in place of Harbor's.
fn age(images: &Value) -> u64 {
    let text = errors(images)[1].1;
    text.trim_start_matches("the rows are those of ").split(' ').next().unwrap().parse().unwrap()
}

async fn rows(program: &Program) -> usize {
    harbor_rows(&program.images().await.unwrap()).len()
}

async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test]
async fn last_good_rows_grow_old_although_the_date_is_set_back_and_go_in_time() {
    let Some(clock) = SettableClock::new().unwrap() else { return };
    for cache in [json!({"stale_if_error": 6}), json!({"stale_if_error": 6, "state_dir": "state"})] {
        clock.set("+0").unwrap();
        let sources = sources(cache).await;
        let program = clock.given_to(sources.node.launch()).start().unwrap();
        assert_eq!(rows(&program).await, 253);
        sources.break_harbor();
        seconds(2.5).await;
        clock.set("-1h").unwrap();
        let images = program.images().await.unwrap();
        assert_stale(&images, "harbor", "504");
        assert!((2..6).contains(&age(&images)), "{}", age(&images));
        seconds(4.5).await;
        assert_eq!(rows(&program).await, 0, "older than stale_if_error");
    }
}

#[tokio::test]
async fn after_a_restart_rows_are_used_where_the_date_went_on_and_not_where_it_was_set() {
    let Some(clock) = SettableClock::new().unwrap() else { return };
    for (offset, found) in [("+0", 253), ("-2h", 0), ("+2h", 0)] {
        clock.set("+0").unwrap();
        let sources = sources(json!({"stale_if_error": 86_400, "state_dir": "state"})).await;
        let mut program = clock.given_to(sources.node.launch()).start().unwrap();
        assert_eq!(rows(&program).await, 253);
        program.terminate().await.unwrap();
        clock.set(offset).unwrap();
        sources.break_harbor();
        let program = clock.given_to(sources.node.launch()).start().unwrap();
        assert_eq!(rows(&program).await, found, "{offset}");
    }
}

#[tokio::test]
async fn a_kept_answer_is_good_for_its_lifetime_and_a_source_ready_for_a_minute_whatever_the_date_says() {
    let Some(clock) = SettableClock::new().unwrap() else { return };
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let node = Node::builder().no_images().harbor(&harbor).cache_lifetime(3).build().unwrap();
    let program = clock.given_to(node.launch()).start().unwrap();
    // The directive has the cache read the dates.
    let ask = async || program.request(Method::GET, "/images", &[("cache-control", "max-age=600")]).await.unwrap();
    let is_kept = async || ask().await.header("cache-status").contains("hit");
    image_service_tests::eventually("a kept answer", is_kept).await.unwrap();
    clock.set("-1h").unwrap();
    assert!(is_kept().await);
    let ready: Value = program.get("/readyz").await.unwrap().json().await.unwrap();
    assert!(ready["sources"]["harbor"]["answered_seconds_ago"].as_u64().unwrap() < 30, "{ready}");
    seconds(3.5).await;
    assert!(!is_kept().await, "it is older than its lifetime");
    image_service_tests::eventually("a kept answer", is_kept).await.unwrap();
    clock.set("+1d").unwrap();
    assert!(is_kept().await, "no second went by");
}

#[tokio::test]
async fn a_session_ends_in_time_although_the_date_is_set_back() {
    let Some(clock) = SettableClock::new().unwrap() else { return };
    let node = Node::builder().no_images().file("tokens", "a-token-of-the-test");
    let node = node.config(json!({"access_config": {"token_file": "tokens"}})).build().unwrap();
    let status = async |program: &Program, cookie: &str| {
        program.request(Method::GET, "/images", &[("cookie", cookie)]).await.unwrap().status().as_u16()
    };
    // It was made while the date was a year too late. A later start knows better, and so does a session that is as old as can be.
    for (made, then, expected) in [("+0", "+0", 200), ("+0", "-1h", 401), ("+365d", "+0", 401), ("+0", "+13h", 401)] {
        clock.set(made).unwrap();
        let mut program = clock.given_to(node.launch()).start().unwrap();
        let cookie = crate::login::logged_in(&program, r#"{"token": "a-token-of-the-test"}"#).await;
        clock.set(then).unwrap();
        assert_eq!(status(&program, &cookie).await, 200, "{made} {then}: no second went by");
        program.terminate().await.unwrap();
        let program = clock.given_to(node.launch()).start().unwrap();
        assert_eq!(status(&program, &cookie).await, expected, "{made} {then}");
    }
}
