//! When an answer is the same as before.

use super::world::*;
use crate::Query;
use image_model::types::*;

#[test]
fn an_entity_tag_stays_while_only_time_passes() {
    let tag = |change: &dyn Fn(&mut World), query: &str, representation: &str| {
        let mut world = World::new(
            vec![node("n", vec![pulled("i", "h.example/team/app", "1", "1")])],
            vec![repository("team/app", vec![artifact("1", &["1"], &[])])],
        );
        change(&mut world);
        let query = Query::parse(query).unwrap();
        let inventory = world.inventory();
        inventory.entity_tag(&query, &inventory.page(&query), representation)
    };
    let first = tag(&|_| {}, "", "a");
    assert!(first.starts_with("W/\"") && first.ends_with('"'));
    let later: [&dyn Fn(&mut World); 3] = [
        &|world| world.groups[0].nodes[0].age = Some(900),
        &|world| world.repositories[0].artifacts[0].pulled = Some(1),
        &|world| world.repositories[0].artifacts[0].pushed = Some(1),
    ];
    for change in later {
        assert_eq!(tag(change, "", "a"), first);
    }
    let other: [&dyn Fn(&mut World); 7] = [
        &|world| world.groups[0].nodes[0].state = NodeState::Stale,
        &|world| world.groups[0].images[0].pinned = true,
        &|world| world.groups[0].images.clear(),
        &|world| world.repositories[0].artifacts[0].tags.push("2".to_owned()),
        &|world| world.repositories[0].artifacts[0].digest = digest("2"),
        &|world| world.end.registry.as_mut().unwrap().version = None,
        &|world| {
            world.end.failures.push(Failure::of_repository(
                FailureCode::TimedOut,
                "team/other".to_owned(),
                String::new(),
            ))
        },
    ];
    for (number, change) in other.into_iter().enumerate() {
        assert_ne!(tag(change, "", "a"), first, "change {number}");
    }
    assert_ne!(tag(&|_| {}, "sort=size", "a"), first);
    assert_ne!(tag(&|_| {}, "limit=7", "a"), first);
    assert_ne!(tag(&|_| {}, "", "b"), first);
}
