//! Newer tags in the same repository.

use super::world::*;
use crate::{Inventory, Outdated};
use image_model::types::*;

fn inventory(level: Outdated, tag: &str, artifacts: Vec<Artifact>) -> Inventory {
    let images = vec![pulled("i", "h.example/team/app", tag, "1")];
    let mut world = World::new(vec![node("n", images)], vec![repository("team/app", artifacts)]);
    world.config.outdated = level;
    world.inventory()
}

fn newer(level: Outdated, tag: &str, tags: &[&str]) -> Option<(String, Outdated)> {
    let inventory = inventory(level, tag, vec![artifact("2", tags, &[]), artifact("1", &[tag], &[])]);
    let row = row(&inventory);
    assert_eq!(row.verdicts().contains(crate::Verdict::Outdated), row.newer().is_some());
    row.newer().map(|(tag, distance)| (tag.to_owned(), distance))
}

#[test]
fn the_newest_tag_within_the_level_is_named_with_its_rule() {
    let tags = ["1.2.4", "1.2.5", "1.3.0", "2.0.0", "v9", "latest"];
    assert_eq!(newer(Outdated::Off, "1.2.3", &tags), None);
    assert_eq!(newer(Outdated::Patch, "1.2.3", &tags), Some(("1.2.5".to_owned(), Outdated::Patch)));
    assert_eq!(newer(Outdated::Minor, "1.2.3", &tags), Some(("1.3.0".to_owned(), Outdated::Minor)));
    assert_eq!(newer(Outdated::Major, "1.2.3", &tags), Some(("2.0.0".to_owned(), Outdated::Major)));
    assert_eq!(newer(Outdated::Minor, "15", &["15.12", "17"]), Some(("15.12".to_owned(), Outdated::Minor)));
    assert_eq!(newer(Outdated::Patch, "latest", &tags), None);
    assert_eq!(newer(Outdated::Major, "3.0.0", &tags), None);
}

#[test]
fn a_tag_that_is_the_same_image_as_the_newest_is_not_outdated() {
    let artifacts = || vec![artifact("1", &["15", "15.12"], &[]), artifact("2", &["15.11"], &[])];
    assert!(row(&inventory(Outdated::Minor, "15", artifacts())).newer().is_none());
}

#[test]
fn it_stands_beside_the_verdict() {
    let told = inventory(Outdated::Minor, "1.0", vec![artifact("2", &["1.0"], &[]), artifact("3", &["1.1"], &[])]);
    assert_eq!(verdicts(&told), ["drifted", "outdated"]);
    let told = inventory(Outdated::Minor, "1.0", vec![artifact("3", &["1.1"], &[])]);
    assert_eq!(verdicts(&told), ["missing", "outdated"]);
}

#[test]
fn charts_are_no_newer_images_and_tags_of_a_proxy_cache_mean_nothing() {
    let chart = Artifact { kind: "CHART".to_owned(), ..artifact("3", &["1.1"], &[]) };
    assert_eq!(verdicts(&inventory(Outdated::Minor, "1.0", vec![artifact("1", &["1.0"], &[]), chart])), ["in_sync"]);
    let images = vec![pulled("i", "h.example/hub/app", "1.0", "1")];
    let mut world =
        World::new(vec![node("n", images)], vec![repository("hub/app", vec![artifact("3", &["1.1"], &[])])]);
    world.config.outdated = Outdated::Major;
    assert_eq!(verdicts(&world.inventory()), ["proxied"]);
}
