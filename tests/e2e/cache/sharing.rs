//! Clients at the same time: one listing answers them all.

use super::Cached;
use crate::listing::{assert_rows, numbered};
use http::Method;
use image_service_tests::{Fault, Gate, Harbor, Program, Version};
use serde_json::json;

#[tokio::test]
async fn many_clients_at_once_are_answered_by_one_listing() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250);
    let harbor = harbor.fault("/systeminfo", Fault::Held(gate.clone())).start().await.unwrap();
    let cached = Cached::with_harbor(3, json!({"lifetime": 60}), harbor);
    let clients = futures::future::join_all((0..50).map(|_| cached.get(&[])));
    let release = async {
        cached.harbor.await_requests("/systeminfo", 1).await.unwrap();
        // All clients, and the one that asks for the metrics.
        cached.program.await_sample("image_service_requests_in_flight", 51.0).await.unwrap();
        gate.open();
    };
    let (answers, ()) = tokio::join!(clients, release);
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body);
    }
    assert_rows(&answers[0].listing(), &numbered("a/b", 250));
    let collapsed = answers.iter().filter(|answer| answer.cache_status().ends_with("; collapsed")).count();
    assert_eq!((cached.listings(), cached.harbor.count("/systeminfo"), collapsed), (1, 1, 49));
}

#[tokio::test]
async fn the_first_answer_streams_to_all_who_ask_while_it_is_being_kept() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3);
    let harbor = harbor.fault("/systeminfo", Fault::Held(gate.clone())).start().await.unwrap();
    // More rows than one chunk holds.
    let cached = Cached::with_harbor(1000, json!({"lifetime": 60}), harbor);
    let open = async |coding| {
        let headers = [("accept-encoding", coding)];
        cached.program.request(Method::GET, "/images", &headers).await.unwrap()
    };
    let mut answers = [open("identity").await, open("gzip").await, open("zstd").await];
    for answer in &mut answers {
        assert!(!answer.chunk().await.unwrap().unwrap().is_empty(), "Harbor has not answered yet");
    }
    assert_eq!(cached.listings(), 1);
    gate.open();
    for answer in answers {
        answer.bytes().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_nothing_from_the_others() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3);
    let harbor = harbor.fault("/systeminfo", Fault::Held(gate.clone())).start().await.unwrap();
    let cached = Cached::with_harbor(3, json!({"lifetime": 60}), harbor);
    let first = async {
        cached.get(&[]).await;
    };
    tokio::select! {
        () = first => panic!("Harbor has not answered yet"),
        asked = cached.harbor.await_requests("/systeminfo", 1) => asked.unwrap(),
    }
    let release = async {
        let collapsed = "image_service_requests_total{route=\"/images\",status=\"499\"}";
        cached.program.await_sample(collapsed, 1.0).await.unwrap();
        gate.open();
    };
    let (second, ()) = tokio::join!(cached.get(&[]), release);
    assert_rows(&second.listing(), &numbered("a/b", 3));
    assert_eq!(cached.listings(), 1);
}

#[tokio::test]
async fn an_answer_that_may_not_be_kept_is_for_one_client_only() {
    // The demonstration does not say how long its listing is good.
    let program = Program::demo().unwrap();
    let answers = futures::future::join_all((0..20).map(|_| program.get("/images"))).await;
    for answer in answers {
        assert_eq!(answer.unwrap().header("cache-status"), "image-service; fwd=uri-miss");
    }
}

#[tokio::test]
async fn however_many_hosts_clients_make_up_harbor_is_listed_once() {
    let cached = Cached::start(3, json!({"lifetime": 60})).await;
    let kept = cached.hit().await;
    for number in 0..100 {
        let answer = cached.get(&[("host", &format!("made-up-{number}.example"))]).await;
        assert_eq!((answer.is_fresh(), answer.body == kept.body), (true, true), "{}", answer.cache_status());
    }
    assert_eq!((cached.listings(), cached.harbor.count("/systeminfo")), (1, 1));
}
