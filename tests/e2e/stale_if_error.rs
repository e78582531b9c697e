//! `cache_config.stale_if_error`: the last good rows of a source that fails, and how long they are good.

use crate::listing::{assert_rows, assert_says, assert_whole, errors, harbor_rows, names, node_rows, numbered};
use image_service_tests::{Fault, Harbor, Node, Program, Version, eventually};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A node and a Harbor that work until a test breaks them.
pub(crate) struct Sources {
    pub(crate) node: Node,
    pub(crate) harbor: Harbor,
    down: Arc<AtomicBool>,
}

/// Sources with this `cache_config`. A broken Harbor goes wrong in this way at this place.
async fn failing(cache: Value, part: &'static str, fault: Fault) -> Sources {
    let down = Arc::new(AtomicBool::new(false));
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 250).repository("a/c", 3);
    let harbor = harbor.fault(part, Fault::While(Arc::clone(&down), Box::new(fault))).start().await.unwrap();
    let node = Node::builder()
        .images(include_str!("../fixtures/two-images.json"))
        .harbor(&harbor)
        .config(json!({"harbor_config": {"retries": 0}, "cache_config": cache}))
        .build()
        .unwrap();
    Sources { node, harbor, down }
}

pub(crate) async fn sources(cache: Value) -> Sources {
    failing(cache, "/projects?", Fault::Status(504)).await
}

impl Sources {
    pub(crate) fn break_harbor(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend_harbor(&self) {
        self.down.store(false, Ordering::SeqCst);
    }

    pub(crate) fn break_node(&self) {
        std::fs::remove_file(self.node.path("images.json")).unwrap();
    }
}

pub(crate) fn all_rows() -> Vec<String> {
    [numbered("a/b", 250), numbered("a/c", 3)].concat()
}

/// Asserts that a source failed, and that its rows are old ones.
pub(crate) fn assert_stale(images: &Value, source: &str, failure: &str) {
    let errors = errors(images);
    let [(first, why), (second, age)] = errors[..] else { panic!("not two errors: {errors:#?}") };
    assert_eq!((first, second), (source, source));
    assert_says(why, &[failure]);
    assert!(age.starts_with("the rows are those of ") && age.contains(" s ago"), "{age}");
}

/// Asserts that Harbor failed, and that there are no rows of it.
pub(crate) fn assert_none(images: &Value) {
    assert_eq!((harbor_rows(images).len(), errors(images).len()), (0, 1), "{images}");
}

/// A listing without errors.
pub(crate) async fn whole(program: &Program) -> Value {
    let images = program.images().await.unwrap();
    assert_whole(&images, &all_rows());
    images
}

#[tokio::test]
async fn a_harbor_that_fails_has_its_last_good_rows_given_out_with_their_age() {
    let sources = sources(json!({"stale_if_error": 60})).await;
    let program = sources.node.start().unwrap();
    let good = whole(&program).await;
    sources.break_harbor();
    // The age is in whole seconds.
    let aged = async || {
        let images = program.images().await.unwrap();
        assert_stale(&images, "harbor", "Harbor answered 504");
        assert_eq!((harbor_rows(&images), node_rows(&images)), (harbor_rows(&good), node_rows(&good)));
        !errors(&images)[1].1.contains(" 0 s ago")
    };
    eventually("rows that are a second old", aged).await.unwrap();
    sources.mend_harbor();
    sources.harbor.push("a/c").await;
    let fresh = program.images().await.unwrap();
    assert_eq!((errors(&fresh).len(), names(&fresh).len()), (0, 254));
}

#[tokio::test]
async fn a_harbor_that_fails_in_part_has_all_of_its_last_good_rows_given_out() {
    let sources = failing(json!({"stale_if_error": 60}), "/b/artifacts?page=2", Fault::Status(500)).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    let images = program.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 500");
    assert_rows(&images, &all_rows());
    assert_eq!(images["errors"][0]["repository"], "a/b");
}

#[tokio::test]
async fn a_node_that_fails_has_its_last_good_rows_given_out_and_an_edit_of_the_ignore_file_counts_at_once() {
    let sources = sources(json!({"stale_if_error": 60})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_node();
    let images = program.images().await.unwrap();
    assert_stale(&images, "containerd", "No such file");
    assert_eq!(node_rows(&images).len(), 2);
    sources.node.ignore("a24bb4013296f\n").unwrap();
    let images = program.images().await.unwrap();
    let [row] = node_rows(&images) else { panic!("{images}") };
    assert_eq!(row["repository"], "b");
}

#[tokio::test]
async fn rows_older_than_stale_if_error_are_not_given_out() {
    let sources = sources(json!({"stale_if_error": 1})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    let none = async || {
        let images = program.images().await.unwrap();
        // A good answer counts as one second old after a second, and as two after two.
        let mut ages = errors(&images).into_iter().filter(|(_, error)| error.starts_with("the rows are those of "));
        let young = |age: &str| age.contains(" 0 s ago") || age.contains(" 1 s ago");
        assert!(ages.all(|(_, age)| young(age)), "{images}");
        harbor_rows(&images).is_empty()
    };
    eventually("a listing without the old rows", none).await.unwrap();
    assert_none(&program.images().await.unwrap());
}

#[tokio::test]
async fn no_old_rows_are_given_out_where_stale_if_error_is_off() {
    let sources = sources(json!({})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    assert_none(&program.images().await.unwrap());
}

#[tokio::test]
async fn a_failed_listing_never_takes_the_place_of_a_good_one() {
    let sources = sources(json!({"stale_if_error": 60})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    for _ in 0..3 {
        assert_rows(&program.images().await.unwrap(), &all_rows());
    }
}

#[tokio::test]
async fn the_rows_outlive_a_reload_and_with_a_state_dir_the_program() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "state"})).await;
    let mut program = sources.node.start().unwrap();
    whole(&program).await;
    sources.break_harbor();
    program.reload().await.unwrap();
    assert_rows(&program.images().await.unwrap(), &all_rows());
    assert!(program.terminate().await.unwrap().success());

    let again = sources.node.start().unwrap();
    let images = again.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 504");
    assert_rows(&images, &all_rows());
}

#[tokio::test]
async fn another_user_of_harbor_does_not_get_the_rows() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "state"})).await;
    whole(&sources.node.start().unwrap()).await;
    sources.break_harbor();
    sources.node.configure(json!({"harbor_config": {"user": "somebody-else"}})).unwrap();
    // This Harbor refuses this login as well.
    let images = sources.node.start().unwrap().images().await.unwrap();
    assert_eq!((harbor_rows(&images).len(), errors(&images).len()), (0, 2), "{images}");
}

#[tokio::test]
async fn more_rows_than_may_be_kept_are_passed_on_as_they_come() {
    let sources = sources(json!({"stale_if_error": 60, "max_stale_bytes": 5000})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    program
        .await_log("the host does not keep the rows of harbor, as there are too many (cache_config.max_stale_bytes)")
        .await
        .unwrap();
    sources.break_harbor();
    assert_none(&program.images().await.unwrap());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused_and_check_tells_of_one_that_can() {
    let sources = sources(json!({"stale_if_error": 60, "state_dir": "/proc/state"})).await;
    let refused = sources.node.run(&["check"]).await.unwrap();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_says(&refused.stderr, &["cache_config.state_dir /proc/state can't be written"]);
    sources.node.configure(json!({"cache_config": {"state_dir": "state"}})).unwrap();
    assert_says(&sources.node.run(&["check"]).await.unwrap().stdout, &["last good", "in /", "/state/store.redb"]);
}
