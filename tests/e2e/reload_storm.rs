//! Many SIGHUPs: reloads are joined, make nothing anew that would be the same, and leave nothing behind.

use crate::listing::{harbor_rows, node_rows};
use image_service_tests::{Fault, Gate, Harbor, Node, Program, Usage, Version, composition, eventually};
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::Duration;

/// Signals of a storm, and the pause between two.
const SIGNALS: usize = 300;
const PAUSE: Duration = Duration::from_millis(15);
/// Kilobytes that memory differs by for other reasons, and a tenth of what one pool of memory reserves.
const SOME_MEMORY: u64 = 40 * 1024;
const SOME_ADDRESSES: u64 = 600 * 1024 * 1024;

/// A configuration in which crictl prints one image with this tag.
fn tagged(tag: usize) -> Value {
    let images =
        json!({"images": [{"id": "sha256:a24bb4013296f61e", "repoTags": [format!("tag{tag}:1")], "size": "1"}]});
    json!({"crictl_config": {"mode": "exec", "command": ["echo", images.to_string()]}})
}

async fn tag(program: &Program) -> String {
    node_rows(&program.images().await.unwrap())[0]["repository"].as_str().unwrap().to_owned()
}

/// Asks without a pause while all these signals arrive, each after a change of the configuration; every answer has to be a listing.
async fn storm(program: &Program, change: impl Fn(usize) -> Value) {
    let is_over = Cell::new(false);
    let ask = async || {
        let mut answers = 0;
        while !is_over.get() {
            program.images().await.unwrap();
            answers += 1;
        }
        answers
    };
    let signals = async {
        for number in 0..SIGNALS {
            program.node().configure(change(number)).unwrap();
            program.hang_up().unwrap();
            tokio::time::sleep(PAUSE).await;
        }
        is_over.set(true);
    };
    let (one, two, three, ()) = tokio::join!(ask(), ask(), ask(), signals);
    assert!(one + two + three > 20, "{one} + {two} + {three} answers");
}

/// What the program has after some requests.
async fn warm(program: &Program) -> Usage {
    futures::future::join_all((0..8).map(|_| program.images())).await;
    program.usage().unwrap()
}

/// Waits until the program has no more than it had `before`.
async fn await_usage(program: &Program, before: Usage) {
    let is_back = async || {
        let now = program.usage().unwrap();
        now.descriptors <= before.descriptors + 4
            && now.addresses < before.addresses + SOME_ADDRESSES
            && now.resident < before.resident + SOME_MEMORY
    };
    let back = tokio::time::timeout(Duration::from_secs(10), eventually("what reloads took", is_back)).await;
    assert!(back.is_ok(), "{before:?} became {:?}", program.usage().unwrap());
}

#[tokio::test]
async fn a_storm_of_reloads_costs_no_answer_and_leaves_nothing_behind_and_the_newest_configuration_counts() {
    let program = Node::builder().config(tagged(0)).start().unwrap();
    let before = warm(&program).await;
    storm(&program, tagged).await;
    let newest = format!("tag{}", SIGNALS - 1);
    eventually("the newest configuration", async || tag(&program).await == newest).await.unwrap();
    await_usage(&program, before).await;
    let reloads = program.log().matches("has read the configuration again").count();
    assert!(reloads > 1 && reloads <= SIGNALS, "{reloads}");
}

#[tokio::test]
async fn a_storm_of_other_limits_costs_no_answer_and_leaves_nothing_behind() {
    let limits = |number: usize| json!({"limits_config": {"max_requests": 16 + number % 7}});
    let program = Node::builder().config(tagged(0)).config(limits(0)).start().unwrap();
    let before = warm(&program).await;
    storm(&program, limits).await;
    await_usage(&program, before).await;
}

#[tokio::test]
async fn a_reload_makes_nothing_anew_that_did_not_change() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    let program = Node::builder().config(tagged(0)).harbor(&harbor).cache_lifetime(600).start().unwrap();
    let kept = async || program.get("/images").await.unwrap().header("cache-status").contains("hit");
    eventually("a kept answer", &kept).await.unwrap();
    let (asked, connections) = (harbor.requests().len(), harbor.connections());
    for _ in 0..5 {
        program.reload().await.unwrap();
        assert!(kept().await);
    }
    assert!(program.log().contains("has read the configuration again, and nothing changed"));
    assert_eq!((harbor.requests().len(), harbor.connections()), (asked, connections));
    // With another setting of the node, Harbor is asked over the connections that are there.
    program.node().configure(tagged(1)).unwrap();
    program.reload().await.unwrap();
    assert_eq!((tag(&program).await.as_str(), harbor.connections()), ("tag1", connections));
    assert!(harbor.requests().len() > asked);
}

#[tokio::test]
async fn an_old_configuration_goes_with_its_last_request() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let program = Node::builder().config(tagged(0)).harbor(&harbor).start().unwrap();
    let before = program.usage().unwrap();
    let reload = async {
        harbor.await_requests("/artifacts", 1).await.unwrap();
        let other = json!({"limits_config": {"max_requests": 63}, "harbor_config": null});
        program.node().configure(other).unwrap();
        program.reload().await.unwrap();
        let both = program.usage().unwrap();
        assert!(both.addresses > before.addresses + SOME_ADDRESSES, "{before:?} became {both:?}");
        gate.open();
    };
    let (images, ()) = tokio::join!(program.images(), reload);
    assert_eq!(harbor_rows(&images.unwrap()).len(), 3);
    await_usage(&program, before).await;
}

#[tokio::test]
async fn requests_of_more_configurations_than_there_are_pools_are_answered_and_the_next_reload_has_a_pool_again() {
    const SLOWER: &str = "so requests of this one are slower until the next SIGHUP";
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let program = Node::builder().config(tagged(0)).harbor(&harbor).start().unwrap();
    let before = program.usage().unwrap();
    let reload = async |max_requests: usize| {
        program.node().configure(json!({"limits_config": {"max_requests": max_requests}})).unwrap();
        program.reload().await.unwrap();
    };
    let reloads = async {
        for number in 1..=6 {
            harbor.await_requests("/artifacts", number).await.unwrap();
            reload(16 + number).await;
        }
        assert_eq!(program.log().matches(SLOWER).count(), 3, "four have pools: {}", program.log());
        gate.open();
    };
    let ask = async |number: usize| {
        if number > 0 {
            harbor.await_requests("/artifacts", number).await.unwrap();
            let reloaded = async || program.log().matches("uses it from now on").count() >= number;
            eventually("a reload", reloaded).await.unwrap();
        }
        program.images().await.unwrap()
    };
    let (answers, ()) = tokio::join!(futures::future::join_all((0..6).map(ask)), reloads);
    for images in answers {
        assert_eq!(harbor_rows(&images).len(), 3);
    }
    assert_eq!(harbor_rows(&program.images().await.unwrap()).len(), 3, "without a pool");
    reload(64).await;
    assert_eq!(program.log().matches(SLOWER).count(), 3, "{}", program.log());
    let is_back = async || program.usage().unwrap().addresses < before.addresses + SOME_ADDRESSES;
    eventually("one pool again", is_back).await.unwrap();
}

#[tokio::test]
async fn the_composition_that_runs_is_loaded_once_however_often_it_is_read() {
    let node = Node::builder().no_images().composition("mine.wasm").build().unwrap();
    std::fs::copy(composition("demo"), node.path("mine.wasm")).unwrap();
    let program = node.start().unwrap();
    let before = warm(&program).await;
    for other in 0..5 {
        // Another file with the same bytes.
        node.write("new.wasm", std::fs::read(composition("demo")).unwrap()).unwrap();
        std::fs::rename(node.path("new.wasm"), node.path("mine.wasm")).unwrap();
        node.configure(json!({"app_config": {"response_timeout": 20 + other}})).unwrap();
        program.reload().await.unwrap();
        program.images().await.unwrap();
        let now = program.usage().unwrap();
        assert!(now.addresses < before.addresses + SOME_ADDRESSES, "{before:?} became {now:?}");
    }
    await_usage(&program, before).await;
}
