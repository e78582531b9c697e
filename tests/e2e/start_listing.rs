//! The listing that begins with the program, and the clients that share it.

use crate::listing::{errors, harbor_rows};
use http::Method;
use image_service_tests::{
    Fault, Gate, Harbor, HarborBuilder, Node, NodeBuilder, Program, Response, Version, eventually,
};
use serde_json::{Value, json};

/// A Harbor of 3 projects with 10 repositories of 100 artifacts each.
fn filled() -> HarborBuilder {
    Harbor::of(Version::V2_16).filled(3, 10, 100)
}

fn node(harbor: &Harbor, cache: &Value) -> NodeBuilder {
    Node::builder().one_image().harbor(harbor).config(json!({"cache_config": cache}))
}

async fn ask(program: &Program, header: (&str, &str)) -> Response {
    program.request(Method::GET, "/images", &[header]).await.unwrap()
}

/// Asserts that the listing has all rows.
fn assert_all(images: &Value) {
    assert_eq!((harbor_rows(images).len(), errors(images)), (3000, vec![]));
}

#[tokio::test]
async fn clients_of_any_host_share_the_listing_that_begins_with_the_program() {
    for cache in [json!({"lifetime": 60}), json!({"lifetime": 60, "state_dir": "state"})] {
        let gate = Gate::closed();
        let harbor = filled().fault("/systeminfo", Fault::Held(gate.clone())).start().await.unwrap();
        let program = node(&harbor, &cache).start().unwrap();
        harbor.await_requests("/systeminfo", 1).await.unwrap();
        let hosts = ["one.example", "another.example"];
        let client = async |host| {
            let answer = ask(&program, ("host", host)).await;
            assert!(answer.header("cache-status").ends_with("; collapsed"), "{answer:?}");
            answer.json().await.unwrap()
        };
        let clients = futures::future::join_all(hosts.map(&client));
        let release = async {
            // Both clients, and the one that asks for the metrics.
            program.await_sample("image_service_requests_in_flight", 3.0).await.unwrap();
            gate.open();
        };
        let (listings, ()) = tokio::join!(clients, release);
        listings.iter().for_each(assert_all);
        // What it gave is kept for all of them.
        let kept = async || ask(&program, ("host", hosts[0])).await.header("cache-status").contains("; hit");
        eventually("a kept answer", kept).await.unwrap();
        assert_eq!(harbor.count("/systeminfo"), 1);
        // Who wants none that is kept gets a newer one, which takes its place.
        harbor.push("project000/new").await;
        let newer: Value = ask(&program, ("cache-control", "no-cache")).await.json().await.unwrap();
        assert_eq!(harbor_rows(&newer).len(), 3001);
        let kept = async || program.images().await.unwrap() == newer;
        eventually("the newer answer", kept).await.unwrap();
        assert_eq!(harbor.count("/systeminfo"), 2);
    }
}

#[tokio::test]
async fn it_keeps_its_rows_although_its_answer_is_too_long_to_be_kept() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor, &json!({"lifetime": 60, "max_bytes": 20_000})).start().unwrap();
    // Its last commit.
    let committed = "image_service_store_commits_total{outcome=\"committed\"}";
    program.await_sample(committed, 2.0).await.unwrap();
    let before = harbor.requests().len();
    assert_all(&program.images().await.unwrap());
    assert_eq!(harbor.requests().len() - before, 3);
}

#[tokio::test]
async fn no_listing_begins_with_the_program_where_no_rows_are_kept() {
    let harbor = filled().start().await.unwrap();
    let off = json!({"harbor_config": {"full_listing_interval": 0}});
    let program = node(&harbor, &json!({"lifetime": 60})).config(off).start().unwrap();
    let first = ask(&program, ("accept", "*/*")).await;
    assert_eq!(first.header("cache-status"), "image-service; fwd=uri-miss");
    assert_all(&first.json().await.unwrap());
    assert_eq!(harbor.count("/systeminfo"), 1);
}
