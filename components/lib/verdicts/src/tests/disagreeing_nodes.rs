//! Nodes that have different images under one reference.

use super::world::*;
use image_model::types::*;

/// The verdicts of each row of `quay.io/app:1`.
fn told(groups: Vec<Group>, repositories: Vec<Repository>) -> Vec<Vec<&'static str>> {
    let inventory = World::new(groups, repositories).inventory();
    let told = super::world::told(&inventory).into_iter().filter(|(name, _, _)| name == "quay.io/app:1");
    told.map(|(_, _, verdicts)| verdicts.iter().map(|verdict| verdict.label()).collect()).collect()
}

fn app(id: &str, end: &str) -> Image {
    pulled(id, "quay.io/app", "1", end)
}

#[test]
fn nodes_with_different_digests_of_a_foreign_reference_have_all_drifted() {
    let groups = vec![node("a", vec![app("i", "1")]), group(&["b", "c"], NodeState::Answered, vec![app("j", "2")])];
    assert_eq!(told(groups, vec![]), [["drifted", "foreign"], ["drifted", "foreign"]]);
}

#[test]
fn nodes_of_two_platforms_have_one_digest_and_agree() {
    let groups = vec![node("a", vec![app("i", "1")]), node("b", vec![app("j", "1")])];
    assert_eq!(told(groups, vec![]), [["foreign"], ["foreign"]]);
}

#[test]
fn one_image_by_two_digests_is_one_image() {
    let groups = vec![node("a", vec![app("i", "1")]), node("b", vec![app("i", "2")])];
    assert_eq!(told(groups, vec![]), [["foreign"]]);
}

#[test]
fn an_index_and_its_child_are_no_disagreement_where_the_registry_has_the_index() {
    let groups = || vec![node("a", vec![app("i", "1")]), node("b", vec![app("j", "2")])];
    assert_eq!(
        told(groups(), vec![repository("team/copy", vec![artifact("1", &["x"], &["2"])])]),
        [["foreign"], ["foreign"]]
    );
    // Two children of one index.
    assert_eq!(
        told(groups(), vec![repository("team/copy", vec![artifact("9", &["x"], &["1", "2"])])]),
        [["foreign"], ["foreign"]]
    );
}

#[test]
fn an_index_and_its_child_are_no_disagreement_where_an_image_has_both() {
    let mut both = app("i", "1");
    both.repo_digests.push(format!("quay.io/app@{}", digest("2")));
    let groups = vec![node("a", vec![both]), node("b", vec![app("j", "2")])];
    assert_eq!(told(groups, vec![]), [["foreign"], ["foreign"]]);
}

#[test]
fn where_nodes_have_several_platforms_different_digests_may_be_an_index_and_its_child() {
    let pause = |id| pulled(id, "quay.io/pause", "3", "7");
    let groups = vec![node("a", vec![pause("p"), app("i", "1")]), node("b", vec![pause("q"), app("j", "2")])];
    assert_eq!(told(groups, vec![]), [["foreign", "unknown"], ["foreign", "unknown"]]);
}

#[test]
fn two_indexes_are_a_disagreement_on_any_platforms() {
    let groups = vec![
        node("a", vec![app("i", "1")]),
        node("b", vec![app("j", "1")]),
        node("c", vec![app("k", "2")]),
        node("d", vec![app("l", "2")]),
    ];
    assert_eq!(told(groups, vec![]), [["drifted", "foreign"]; 4]);
}

#[test]
fn where_harbor_settles_it_only_the_node_that_differs_has_drifted() {
    let app = |id, end| pulled(id, "h.example/team/app", "1", end);
    let groups = || vec![node("a", vec![app("i", "1")]), node("b", vec![app("j", "2")])];
    let repositories = vec![repository("team/app", vec![artifact("1", &["1"], &[])])];
    let labels = |inventory: &crate::Inventory| -> Vec<Vec<&str>> {
        super::world::told(inventory)
            .iter()
            .map(|(_, _, verdicts)| verdicts.iter().map(|verdict| verdict.label()).collect())
            .collect()
    };
    assert_eq!(labels(&World::new(groups(), repositories).inventory()), [["in_sync"], ["drifted"]]);
    // Where Harbor can't, all of them have.
    let mut world = World::new(groups(), vec![]).fail(FailureCode::Unavailable, None);
    world.end.registry = None;
    assert_eq!(labels(&world.inventory()), [["drifted", "unknown"], ["drifted", "unknown"]]);
}

#[test]
fn proxied_images_never_drift() {
    let app = |id, end| pulled(id, "h.example/hub/app", "1", end);
    let inventory =
        World::new(vec![node("a", vec![app("i", "1")]), node("b", vec![app("j", "2")])], vec![]).inventory();
    assert!(inventory.all().all(|row| row.verdicts() == crate::Verdict::Proxied.into()));
}
