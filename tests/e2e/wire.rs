//! Bad networks between the program and Harbor, and between clients and the program.

use crate::registry::{assert_rows, listed, node_row, numbered, only_error, started};
use image_service_tests::{Harbor, Program, Proxy, Version, Way, Wire};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What a listing comes to when the bytes between the program and Harbor fare like this.
async fn through(way: Way, wire: Wire) -> Value {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).start().await.unwrap();
    let proxy = Proxy::before(&harbor.url).await.unwrap();
    proxy.set(way, wire);
    let mut config = harbor.config();
    config["url"] = json!(proxy.url);
    config["timeout"] = json!(1);
    let begun = Instant::now();
    let images = listed(&config).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{way:?} {wire:?} took {:?}", begun.elapsed());
    images
}

/// Asserts that the node's row is there, Harbor's are not, and one error tells why.
fn assert_costs_harbor(images: &Value, words: &[&str]) {
    assert_eq!(images["containerd_images"], json!([node_row()]));
    assert_eq!(images["harbor_images"], json!([]));
    let error = only_error(images);
    assert!(words.iter().any(|words| error.contains(words)), "{error}");
}

#[tokio::test]
async fn a_proxy_that_does_nothing_changes_nothing() {
    let images = through(Way::Back, Wire::Clean).await;
    assert_rows(&images, &numbered("a/b", 250));
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn a_connection_to_harbor_that_is_reset_is_one_error() {
    for (way, bytes) in [(Way::There, 1), (Way::Back, 1), (Way::Back, 100)] {
        assert_costs_harbor(&through(way, Wire::Reset(bytes)).await, &["broke", "no complete answer"]);
    }
}

#[tokio::test]
async fn an_answer_of_harbor_that_stops_in_the_middle_is_one_error_in_bounded_time() {
    for (way, bytes) in [(Way::There, 10), (Way::Back, 0), (Way::Back, 100)] {
        assert_costs_harbor(&through(way, Wire::Stall(bytes)).await, &["no complete answer within 1 s"]);
    }
}

#[tokio::test]
async fn an_answer_of_harbor_that_is_cut_off_is_one_error() {
    for bytes in [1, 20, 100] {
        assert_costs_harbor(
            &through(Way::Back, Wire::Truncate(bytes)).await,
            &["broke", "no HTTP", "no complete answer"],
        );
    }
}

#[tokio::test]
async fn one_byte_a_second_from_harbor_is_one_error_in_bounded_time() {
    for way in [Way::There, Way::Back] {
        let images = through(way, Wire::Slow(Duration::from_secs(1))).await;
        assert_costs_harbor(&images, &["no complete answer within 1 s"]);
    }
}

#[tokio::test]
async fn garbage_in_harbors_place_is_one_error() {
    assert_costs_harbor(&through(Way::Back, Wire::Garbage).await, &["no HTTP", "broke", "no complete answer"]);
    assert_costs_harbor(&through(Way::There, Wire::Garbage).await, &["400", "no HTTP", "broke", "no complete answer"]);
}

#[tokio::test]
async fn a_connection_that_breaks_once_costs_no_later_listing() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let proxy = Proxy::before(&harbor.url).await.unwrap();
    let mut config = harbor.config();
    config["url"] = json!(proxy.url);
    config["timeout"] = json!(2);
    let (_node, program) = started(&config);
    for wire in [Wire::Reset(100), Wire::Truncate(100), Wire::Garbage, Wire::Stall(100)] {
        proxy.set(Way::Back, wire);
        program.images().await.unwrap();
        proxy.set(Way::Back, Wire::Clean);
        // Connections that were opened before are still in the pool, and may have to break first.
        let mut images = program.images().await.unwrap();
        for _ in 0..5 {
            if images["errors"] == json!([]) {
                break;
            }
            images = program.images().await.unwrap();
        }
        assert_rows(&images, &numbered("a/b", 3));
        assert_eq!(images["errors"], json!([]), "after {wire:?}");
    }
}

/// Asks through a proxy that treats the bytes like this, without much patience.
async fn client(program: &Program, way: Way, wire: Wire) -> Result<u16, reqwest::Error> {
    let proxy = Proxy::before(&program.address).await.unwrap();
    proxy.set(way, wire);
    let client = reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap();
    let response = client.get(format!("{}/images", proxy.url)).send().await?;
    let status = response.status().as_u16();
    response.bytes().await?;
    Ok(status)
}

#[tokio::test]
async fn clients_on_bad_networks_harm_nobody_else() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    for wire in [
        Wire::Reset(1),
        Wire::Reset(200),
        Wire::Stall(1),
        Wire::Stall(200),
        Wire::Truncate(10),
        Wire::Truncate(200),
        Wire::Slow(Duration::from_secs(1)),
        Wire::Garbage,
    ] {
        for way in [Way::There, Way::Back] {
            let outcome = client(&program, way, wire).await;
            assert!(!matches!(outcome, Ok(200)) || way == Way::There, "{way:?} {wire:?}: {outcome:?}");
            let images = program.images().await.unwrap();
            assert_rows(&images, &numbered("a/b", 250));
            assert_eq!(images["errors"], json!([]), "{way:?} {wire:?}");
        }
    }
}
