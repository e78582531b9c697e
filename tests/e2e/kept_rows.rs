//! Rows of Harbor that are kept between listings: what a listing costs then, and that its rows are those of a whole one.

use crate::listing::{assert_whole, errors, harbor_rows, numbered};
use image_service_tests::harbor::{Outage, Role};
use image_service_tests::{Artifact, Harbor, HarborBuilder, Node, NodeBuilder, Program, Version, eventually};
use serde_json::{Value, json};

/// A Harbor of 3 projects with 10 repositories of 2 artifacts each.
fn filled() -> HarborBuilder {
    Harbor::of(Version::V2_16).filled(3, 10, 2)
}

/// A node whose every request is a listing.
fn node(harbor: &Harbor) -> NodeBuilder {
    Node::builder().one_image().harbor(harbor).cache_lifetime(0)
}

/// A listing, and the requests that it cost Harbor.
async fn listed(harbor: &Harbor, program: &Program) -> (Value, usize) {
    let before = harbor.requests().len();
    let images = program.images().await.unwrap();
    (images, harbor.requests().len() - before)
}

/// The rows that a program gives which has kept nothing.
async fn whole(harbor: &Harbor) -> Value {
    node(harbor).start().unwrap().images().await.unwrap()
}

#[tokio::test]
async fn a_listing_costs_three_requests_where_nothing_changed_and_one_for_each_repository_that_did() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).start().unwrap();
    let (first, _) = listed(&harbor, &program).await;
    assert_eq!((harbor_rows(&first).len(), errors(&first)), (60, vec![]));
    assert_eq!(listed(&harbor, &program).await, (first, 3));
    harbor.push("project000/repository0003").await;
    harbor.push_tagged("project001/new", "latest").await;
    harbor.delete_tag("project002/repository0009", "v0").await;
    let (changed, cost) = listed(&harbor, &program).await;
    assert_eq!(cost, 3 + 3);
    assert_eq!(changed, whole(&harbor).await);
    harbor.delete_repository("project002/repository0001").await;
    harbor.delete_project("project000").await;
    assert_eq!(listed(&harbor, &program).await.0, whole(&harbor).await);
    assert_eq!(listed(&harbor, &program).await.1, 3);
}

#[tokio::test]
async fn with_an_interval_of_0_each_listing_reads_all() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).config(json!({"harbor_config": {"full_listing_interval": 0}})).start().unwrap();
    listed(&harbor, &program).await;
    assert!(listed(&harbor, &program).await.1 > 3);
}

#[tokio::test]
async fn an_older_harbor_is_read_whole_each_time() {
    let harbor = Harbor::of(Version::V2_12).filled(1, 10, 2).start().await.unwrap();
    let program = node(&harbor).start().unwrap();
    let (first, _) = listed(&harbor, &program).await;
    let (second, cost) = listed(&harbor, &program).await;
    assert_eq!(first, second);
    assert!(cost > 3, "{cost}");
}

#[tokio::test]
async fn with_a_state_dir_the_first_listing_begins_with_the_program_and_its_rows_outlive_it() {
    let harbor = filled().start().await.unwrap();
    let node = node(&harbor).config(json!({"cache_config": {"state_dir": "state"}})).build().unwrap();
    let mut program = node.start().unwrap();
    harbor.await_requests("/artifacts", 1).await.unwrap();
    // A client's listing does not end the one that is under way, which keeps its rows at its end.
    let first = eventually("kept rows", async || {
        let (images, cost) = listed(&harbor, &program).await;
        (cost == 3).then_some(images)
    });
    let first = first.await.unwrap();
    assert!(program.terminate().await.unwrap().success());
    harbor.push("project000/repository0003").await;
    let before = harbor.requests().len();
    let program = node.start().unwrap();
    let second = program.images().await.unwrap();
    // Its own refresh reads the changed repository, and so does the client's at the same time. Who comes second asks once more.
    let cost = harbor.requests().len() - before;
    assert!((4..=10).contains(&cost), "{cost}");
    assert_eq!(second, whole(&harbor).await);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_login_that_does_not_count_changes_nothing_that_is_kept() {
    let harbor = filled().private("project001").account("list", "secret", Role::User).start().await.unwrap();
    let login = json!({"harbor_config": {"url": harbor.url, "user": "list", "password": "secret"}});
    let program = Node::builder().one_image().cache_lifetime(0).config(login).start().unwrap();
    let (first, _) = listed(&harbor, &program).await;
    assert_eq!(harbor_rows(&first).len(), 60);
    for outage in [Some(Outage::Database), None] {
        harbor.set_outage(outage);
        if outage.is_none() {
            harbor.set_account("list", "another", Role::User).await;
        }
        let (images, _) = listed(&harbor, &program).await;
        assert!(errors(&images).iter().any(|(_, error)| error.contains("database is down")), "{images}");
    }
    harbor.set_account("list", "secret", Role::User).await;
    assert_eq!(listed(&harbor, &program).await, (first, 3));
}

#[tokio::test]
async fn a_listing_that_runs_out_of_time_says_how_far_it_is_and_the_next_ones_go_on() {
    // Some 33 ms of one of two processors for each of 120 repositories.
    let harbor = Harbor::of(Version::V2_16).filled(2, 60, 100).costs(1.0).start().await.unwrap();
    let program = node(&harbor).config(json!({"harbor_config": {"listing_timeout": 1}})).start().unwrap();
    let (first, _) = listed(&harbor, &program).await;
    let [("harbor", error)] = errors(&first)[..] else { panic!("{}", first["errors"]) };
    assert!(error.contains("of 120 repositories are kept, and the next listing goes on from there"), "{error}");
    let mut before = harbor_rows(&first).len();
    assert!(before < 12_000, "{before}");
    let all = eventually("a whole listing", async || {
        let (images, _) = listed(&harbor, &program).await;
        assert!(harbor_rows(&images).len() >= before, "what was read is kept");
        before = harbor_rows(&images).len();
        errors(&images).is_empty().then_some(images)
    })
    .await
    .unwrap();
    assert_eq!(harbor_rows(&all).len(), 12_000);
}

#[tokio::test]
async fn a_repository_of_thousands_of_artifacts_is_kept_too() {
    let harbor =
        Harbor::of(Version::V2_16).repository("a/long", 11_000).repository("a/short", 2).start().await.unwrap();
    let program = node(&harbor).start().unwrap();
    let expected = [numbered("a/long", 11_000), numbered("a/short", 2)].concat();
    assert_whole(&listed(&harbor, &program).await.0, &expected);
    let (images, cost) = listed(&harbor, &program).await;
    assert_whole(&images, &expected);
    assert_eq!(cost, 3);
}

/// Batches of changes, each followed by a listing that has to be the same as a whole one, byte for byte.
#[tokio::test]
async fn after_any_changes_the_answer_is_that_of_a_whole_listing() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).start().unwrap();
    let reads_all = node(&harbor).config(json!({"harbor_config": {"full_listing_interval": 0}})).start().unwrap();
    for batch in 0..25 {
        for _ in 0..random.usize(0..8) {
            let name = format!("project{:03}/repository{:04}", random.usize(0..4), random.usize(0..12));
            match random.usize(0..9) {
                0 | 1 => drop(harbor.push(&name).await),
                2 => drop(harbor.push_tagged(&name, "latest").await),
                3 => harbor.put_tag(&name, "v0", "latest").await,
                4 => harbor.delete_tag(&name, "v1").await,
                5 => harbor.delete_artifact(&name, "v0").await,
                6 => harbor.delete_repository(&name).await,
                7 => harbor.pull(&name, "latest").await,
                _ => drop(harbor.push_artifact(&name, Artifact::numbered(random.usize(0..100)).untagged()).await),
            }
        }
        let (kept, all) = (program.get("/images").await.unwrap(), reads_all.get("/images").await.unwrap());
        let (kept, all) = (kept.text().await.unwrap(), all.text().await.unwrap());
        assert!(kept == all, "seed {seed}, batch {batch}:\n{kept}\n{all}");
    }
}
