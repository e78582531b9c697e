//! Bad networks between the program and Harbor, and between clients and the program.

use crate::listing::{assert_whole, harbor_rows, list, numbered, only_harbor_error, start, with};
use image_service_tests::harbor::config_for;
use image_service_tests::{Client, Direction, Harbor, NetworkFault, Program, Proxy, Version, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What a listing comes to when this happens to the bytes between the program and Harbor.
async fn through(direction: Direction, fault: NetworkFault) -> Value {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).start().await.unwrap();
    let proxy = Proxy::before(&harbor.url).await.unwrap();
    proxy.set(direction, fault);
    let begun = Instant::now();
    let images = list(with(config_for(&proxy.url), "timeout", 1)).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{direction:?} {fault:?} took {:?}", begun.elapsed());
    images
}

/// Asserts that the node's row is there, Harbor's are not, and one error tells why.
fn assert_costs_harbor(images: &Value, words: &[&str]) {
    assert_eq!(harbor_rows(images).len(), 0);
    let error = only_harbor_error(images);
    assert!(words.iter().any(|words| error.contains(words)), "{error}");
}

#[tokio::test]
async fn a_proxy_that_does_nothing_changes_nothing() {
    let images = through(Direction::ToClient, NetworkFault::None).await;
    assert_whole(&images, &numbered("a/b", 250));
}

#[tokio::test]
async fn a_connection_to_harbor_that_is_reset_is_one_error() {
    for (direction, bytes) in [(Direction::ToServer, 1), (Direction::ToClient, 1), (Direction::ToClient, 100)] {
        assert_costs_harbor(&through(direction, NetworkFault::Reset(bytes)).await, &["broke", "no complete answer"]);
    }
}

#[tokio::test]
async fn an_answer_of_harbor_that_stops_in_the_middle_is_one_error_in_bounded_time() {
    for (direction, bytes) in [(Direction::ToServer, 10), (Direction::ToClient, 0), (Direction::ToClient, 100)] {
        assert_costs_harbor(&through(direction, NetworkFault::Stall(bytes)).await, &["no complete answer within 1 s"]);
    }
}

#[tokio::test]
async fn an_answer_of_harbor_that_is_cut_off_is_one_error() {
    for bytes in [1, 20, 100] {
        let images = through(Direction::ToClient, NetworkFault::Truncate(bytes)).await;
        assert_costs_harbor(&images, &["broke", "no HTTP", "no complete answer"]);
    }
}

#[tokio::test]
async fn one_byte_a_second_from_harbor_is_one_error_in_bounded_time() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let images = through(direction, NetworkFault::Slow(Duration::from_secs(1))).await;
        assert_costs_harbor(&images, &["no complete answer within 1 s"]);
    }
}

#[tokio::test]
async fn garbage_in_harbors_place_is_one_error() {
    assert_costs_harbor(
        &through(Direction::ToClient, NetworkFault::Garbage).await,
        &["no HTTP", "broke", "no complete answer"],
    );
    assert_costs_harbor(
        &through(Direction::ToServer, NetworkFault::Garbage).await,
        &["400", "no HTTP", "broke", "no complete answer"],
    );
}

#[tokio::test]
async fn a_connection_that_breaks_once_costs_no_later_listing() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let proxy = Proxy::before(&harbor.url).await.unwrap();
    let program = start(with(config_for(&proxy.url), "timeout", 1));
    for fault in
        [NetworkFault::Reset(100), NetworkFault::Truncate(100), NetworkFault::Garbage, NetworkFault::Stall(100)]
    {
        proxy.set(Direction::ToClient, fault);
        program.images().await.unwrap();
        proxy.set(Direction::ToClient, NetworkFault::None);
        // Connections that were opened before are still in the pool, and may have to break first.
        let whole = async || Some(program.images().await.unwrap()).filter(|images| images["errors"] == json!([]));
        let images = eventually(&format!("a whole listing after {fault:?}"), whole).await.unwrap();
        assert_whole(&images, &numbered("a/b", 3));
    }
}

/// Asks through a proxy that treats the bytes like this, without much patience.
async fn client(program: &Program, direction: Direction, fault: NetworkFault) -> anyhow::Result<u16> {
    let proxy = Proxy::before(&program.address).await.unwrap();
    proxy.set(direction, fault);
    let asked = async {
        let response = Client::default().get(&format!("{}/images", proxy.url)).await?;
        let status = response.status().as_u16();
        response.bytes().await?;
        Ok(status)
    };
    tokio::time::timeout(Duration::from_millis(300), asked).await?
}

#[tokio::test]
async fn clients_on_bad_networks_harm_nobody_else() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).start().await.unwrap();
    let program = start(harbor.config());
    for fault in [
        NetworkFault::Reset(1),
        NetworkFault::Reset(200),
        NetworkFault::Stall(1),
        NetworkFault::Stall(200),
        NetworkFault::Truncate(10),
        NetworkFault::Truncate(200),
        NetworkFault::Slow(Duration::from_secs(1)),
        NetworkFault::Garbage,
    ] {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let outcome = client(&program, direction, fault).await;
            let may_succeed = direction == Direction::ToServer;
            assert!(may_succeed || !matches!(outcome, Ok(200)), "{direction:?} {fault:?}: {outcome:?}");
            assert_whole(&program.images().await.unwrap(), &numbered("a/b", 250));
        }
    }
}
