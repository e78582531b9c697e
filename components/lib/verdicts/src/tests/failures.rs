//! What can't be told because a source failed, or the login did not count.

use super::verdict_table::{beside, told, unknown};
use super::world::*;
use crate::Reason;
use image_model::types::*;

#[test]
fn without_a_listing_of_harbor_its_images_are_unknown() {
    let mut world = beside("team", vec![]).fail(FailureCode::Unavailable, None);
    (world.end.registry, world.end.projects) = (None, vec![]);
    assert_eq!(unknown(world), Reason::RegistryFailed);
}

#[test]
fn a_login_that_does_not_count_makes_its_rows_count_for_nothing() {
    let mut world =
        beside("team", vec![artifact("1", &["1"], &[]), artifact("2", &["2"], &[])]).fail(FailureCode::Denied, None);
    world.end.registry.as_mut().unwrap().login_counts = false;
    let inventory = world.inventory();
    assert_eq!(verdicts(&inventory), ["unknown"]);
    assert_eq!(row(&inventory).reason(), Some(Reason::LoginDoesNotCount));
    assert_eq!(inventory.rows(), 1);
}

#[test]
fn without_a_login_by_choice_what_is_seen_is_judged() {
    let anonymous = |project, artifacts| {
        let mut world = beside(project, artifacts);
        world.config.anonymous = true;
        world.end.registry.as_mut().unwrap().login_counts = false;
        world
    };
    assert_eq!(told(anonymous("team", vec![artifact("1", &["1"], &[])])), ["in_sync"]);
    assert_eq!(told(anonymous("team", vec![artifact("2", &["1"], &[])])), ["drifted"]);
    assert_eq!(unknown(anonymous("private", vec![])), Reason::ProjectNotSeen);
}

#[test]
fn a_project_that_the_login_does_not_see_is_no_evidence() {
    assert_eq!(unknown(beside("secret", vec![])), Reason::ProjectNotSeen);
    // It may be a proxy cache.
    assert_eq!(unknown(beside("secret", vec![artifact("2", &["1"], &[])])), Reason::ProjectNotSeen);
}

#[test]
fn an_incomplete_listing_of_a_project_makes_nothing_missing_and_what_was_seen_counts() {
    assert_eq!(unknown(beside("part", vec![])), Reason::ProjectIncomplete);
    assert_eq!(told(beside("part", vec![artifact("1", &["1"], &[])])), ["in_sync"]);
    assert_eq!(told(beside("part", vec![artifact("2", &["1"], &[])])), ["drifted"]);
    assert_eq!(told(beside("part", vec![artifact("1", &["2"], &[])])), ["untagged"]);
    // The listing ended early, and the tag may be in the part that did not come.
    assert_eq!(
        unknown(beside("part", vec![artifact("1", &["2"], &[])]).fail(FailureCode::TimedOut, None)),
        Reason::RegistryFailed
    );
}

#[test]
fn a_failure_touches_the_references_that_depend_on_it_and_no_others() {
    let images = || {
        vec![
            pulled("i", "h.example/team/app", "1", "1"),
            pulled("j", "h.example/team/other", "1", "1"),
            pulled("k", "quay.io/app", "1", "1"),
        ]
    };
    let world = World::new(vec![node("n", images())], vec![]).fail(FailureCode::TimedOut, Some("team/app"));
    let told: Vec<_> =
        super::world::told(&world.inventory()).into_iter().map(|(_, _, verdicts)| verdicts[0].label()).collect();
    assert_eq!(told, ["unknown", "missing", "foreign"]);
}

#[test]
fn rows_of_an_earlier_time_give_verdicts() {
    let mut world = beside("team", vec![]).fail(FailureCode::Unavailable, None).fail(FailureCode::Stale, None);
    world.end.registry = None;
    assert_eq!(told(world), ["missing"]);
    let world =
        World::new(vec![group(&["n"], NodeState::Stale, vec![pulled("i", "h.example/team/app", "1", "1")])], vec![]);
    assert_eq!(told(world), ["missing"]);
}
