//! Each verdict, where all sources answered.

use super::world::*;
use crate::Reason;
use image_model::types::*;

/// The verdicts of an image `h.example/PROJECT/app:1` with the digest `1`, beside these artifacts of its repository.
pub(super) fn beside(project: &str, artifacts: Vec<Artifact>) -> World {
    let repositories =
        if artifacts.is_empty() { vec![] } else { vec![repository(&format!("{project}/app"), artifacts)] };
    World::new(vec![node("n", vec![pulled("i", &format!("h.example/{project}/app"), "1", "1")])], repositories)
}

/// The same for a reference by digest.
fn digest_beside(artifacts: Vec<Artifact>) -> World {
    let images = vec![image("i", &[], &[&format!("h.example/team/app@{}", digest("1"))])];
    World::new(vec![node("n", images)], vec![repository("team/app", artifacts)])
}

pub(super) fn unknown(world: World) -> Reason {
    let inventory = world.inventory();
    assert_eq!(verdicts(&inventory), ["unknown"]);
    row(&inventory).reason().unwrap()
}

pub(super) fn told(world: World) -> Vec<&'static str> {
    verdicts(&world.inventory())
}

#[test]
fn a_tag_with_the_same_digest_is_in_sync() {
    assert_eq!(told(beside("team", vec![artifact("1", &["1"], &[])])), ["in_sync"]);
}

#[test]
fn a_tag_of_an_index_with_that_child_is_in_sync() {
    assert_eq!(told(beside("team", vec![artifact("9", &["1"], &["2", "1"])])), ["in_sync"]);
}

#[test]
fn a_digest_with_a_tag_is_in_sync_and_so_is_a_child_of_a_tagged_index() {
    assert_eq!(told(digest_beside(vec![artifact("1", &["x"], &[])])), ["in_sync"]);
    assert_eq!(told(digest_beside(vec![artifact("9", &["x"], &["1"])])), ["in_sync"]);
}

#[test]
fn any_of_several_digests_of_the_repository_counts() {
    let mut image = pulled("i", "h.example/team/app", "1", "5");
    image.repo_digests.push(format!("h.example/team/app@{}", digest("1")));
    let world =
        World::new(vec![node("n", vec![image])], vec![repository("team/app", vec![artifact("1", &["1"], &[])])]);
    assert_eq!(told(world), ["in_sync"]);
}

#[test]
fn neither_tag_nor_digest_in_a_complete_listing_is_missing() {
    assert_eq!(told(beside("team", vec![])), ["missing"]);
    assert_eq!(told(beside("team", vec![artifact("2", &["2"], &[])])), ["missing"]);
    assert_eq!(told(digest_beside(vec![artifact("2", &["2"], &[])])), ["missing"]);
}

#[test]
fn the_digest_of_another_repository_is_no_evidence() {
    let world = World::new(
        vec![node("n", vec![pulled("i", "h.example/team/app", "1", "1")])],
        vec![repository("team/other", vec![artifact("1", &["1"], &[])])],
    );
    assert_eq!(told(world), ["missing"]);
}

#[test]
fn a_digest_whose_tag_is_gone_is_untagged_and_the_answer_names_the_other_tags() {
    let inventory = beside("team", vec![artifact("1", &["b", "a"], &[]), artifact("9", &["c"], &["1"])]).inventory();
    assert_eq!(verdicts(&inventory), ["untagged"]);
    assert_eq!(row(&inventory).same_digest_tags(), ["a", "b", "c"]);
    assert_eq!(told(beside("team", vec![artifact("1", &[], &[])])), ["untagged"]);
    assert_eq!(told(digest_beside(vec![artifact("1", &[], &[])])), ["untagged"]);
    assert_eq!(told(digest_beside(vec![artifact("9", &[], &["1"])])), ["untagged"]);
}

#[test]
fn a_tag_with_another_digest_is_drifted_whether_the_old_one_is_there_or_not() {
    assert_eq!(told(beside("team", vec![artifact("2", &["1"], &[])])), ["drifted"]);
    let inventory = beside("team", vec![artifact("2", &["1"], &[]), artifact("1", &["old"], &[])]).inventory();
    assert_eq!(verdicts(&inventory), ["drifted"]);
    let row = row(&inventory);
    assert_eq!(row.artifact().unwrap().digest().to_string(), digest("2"));
    assert_eq!(row.same_digest_tags(), ["old"]);
}

#[test]
fn a_proxy_cache_is_in_sync_or_proxied_and_nothing_else() {
    for (artifacts, verdict) in [
        (vec![], "proxied"),
        (vec![artifact("2", &["1"], &[])], "proxied"),
        (vec![artifact("1", &["1"], &[])], "in_sync"),
        (vec![artifact("1", &[], &[])], "in_sync"),
        (vec![artifact("2", &["1"], &[]), artifact("9", &[], &["1"])], "in_sync"),
    ] {
        assert_eq!(told(beside("hub", artifacts.clone())), [verdict]);
        // The same through a mirror, under the name of the mirrored registry.
        let images = vec![pulled("i", "docker.io/library/app", "1", "1")];
        let repositories = if artifacts.is_empty() { vec![] } else { vec![repository("hub/library/app", artifacts)] };
        assert_eq!(told(World::new(vec![node("n", images)], repositories)), [verdict]);
    }
}

#[test]
fn another_registry_is_foreign_also_without_a_digest() {
    for name in ["quay.io/team/app:1", "h.example:8443/team/app:1", "localhost:5000/app:1", "quay.io/app@sha256:1"] {
        let world = || World::new(vec![node("n", vec![image("i", &[name], &[])])], vec![]);
        assert_eq!(told(world()), ["foreign"], "{name}");
        // Harbor may have this name, too: it says its names to who is logged in.
        let mut without = world().fail(FailureCode::Unavailable, None);
        without.end.registry = None;
        assert_eq!(unknown(without), Reason::NamesUnknown, "{name}");
        let mut nobody = world().fail(FailureCode::Denied, None);
        nobody.end.registry.as_mut().unwrap().login_counts = false;
        assert_eq!(unknown(nobody), Reason::NamesUnknown, "{name}");
    }
}

#[test]
fn while_harbor_is_down_the_names_that_it_told_before_say_whose_an_image_is() {
    let of_host = |host: &str| {
        let image = pulled("i", &format!("{host}/team/app"), "1", "1");
        let mut world = World::new(vec![node("n", vec![image])], vec![]).fail(FailureCode::Unavailable, None);
        let hosts = vec!["registry.example:8443".to_owned()];
        world.end.registry = Some(Registry { version: None, hosts, login_counts: false });
        world.end.projects.clear();
        world
    };
    assert_eq!(told(of_host("quay.io")), ["foreign"]);
    assert_eq!(unknown(of_host("registry.example:8443")), Reason::RegistryFailed);
    let state = of_host("quay.io").inventory().registry_state();
    assert_eq!(state, Some(crate::RegistryState::Unreachable));
}

#[test]
fn an_image_without_a_name_or_a_digest_is_unknown() {
    let with = |image| {
        World::new(vec![node("n", vec![image])], vec![repository("team/app", vec![artifact("1", &["1"], &[])])])
    };
    assert_eq!(unknown(with(image("i", &[], &[]))), Reason::NoName);
    assert_eq!(unknown(with(image("i", &["<none>:<none>"], &["<none>@<none>"]))), Reason::NoName);
    assert_eq!(unknown(with(image("i", &["h.example/team/app:1"], &[]))), Reason::NoDigest);
    // Crictl's table, with and without digests.
    assert_eq!(unknown(with(image("20faf770514bd", &[], &["h.example/team/app"]))), Reason::NoDigest);
    assert_eq!(
        unknown(with(image("20faf770514bd", &["h.example/team/app:1"], &["h.example/team/app@e6f1816883972"]))),
        Reason::NoDigest
    );
    // An imported image of a mirrored registry.
    assert_eq!(unknown(with(image("i", &["nginx:1"], &[]))), Reason::NoDigest);
    // No such image can be in Harbor.
    assert_eq!(unknown(with(pulled("i", "h.example/app", "1", "1"))), Reason::NoProject);
}

#[test]
fn names_in_upper_case_have_the_host_of_harbor() {
    let images = vec![pulled("i", "H.Example/team/app", "V1", "1")];
    let world = World::new(vec![node("n", images)], vec![repository("team/app", vec![artifact("1", &["V1"], &[])])]);
    assert_eq!(told(world), ["in_sync"]);
}

#[test]
fn one_image_id_with_references_of_several_repositories_has_a_verdict_for_each() {
    let image = image(
        "i",
        &["h.example/team/app:1", "h.example/hub/app:1", "quay.io/app:1"],
        &[
            &format!("h.example/team/app@{}", digest("1")),
            &format!("h.example/hub/app@{}", digest("1")),
            &format!("quay.io/app@{}", digest("1")),
        ],
    );
    let inventory =
        World::new(vec![node("n", vec![image])], vec![repository("team/app", vec![artifact("1", &["1"], &[])])])
            .inventory();
    let verdicts: Vec<_> =
        super::world::told(&inventory).into_iter().map(|(_, _, verdicts)| verdicts[0].label()).collect();
    assert_eq!(verdicts, ["proxied", "in_sync", "foreign"]);
}

#[test]
fn without_harbor_there_are_no_verdicts() {
    let mut world = beside("team", vec![artifact("1", &["1"], &[]), artifact("2", &["2"], &[])]);
    world.config.url = None;
    let inventory = world.inventory();
    assert_eq!((inventory.rows(), verdicts(&inventory).len()), (1, 0));
}

#[test]
fn an_artifact_is_on_no_node_where_it_is_a_tagged_image_of_no_proxy_cache_and_no_node_has_it_or_a_child() {
    let chart = Artifact { kind: "CHART".to_owned(), ..artifact("7", &["0.1.0"], &[]) };
    let repositories = vec![
        repository("hub/app", vec![artifact("8", &["1"], &[])]),
        repository(
            "team/app",
            vec![artifact("5", &["b", "a"], &[]), artifact("9", &["x"], &["1"]), artifact("6", &[], &[]), chart],
        ),
    ];
    let inventory =
        World::new(vec![node("n", vec![pulled("i", "h.example/team/app", "x", "1")])], repositories).inventory();
    let only: Vec<_> = inventory.all().filter(|row| row.node_count() == 0).collect();
    assert_eq!(only.len(), 1);
    assert_eq!(reference(&only[0]), "h.example/team/app:b");
    assert_eq!(only[0].same_digest_tags(), ["b", "a"]);
    assert_eq!((only[0].image_id(), only[0].nodes().len(), only[0].bytes()), (None, 0, 2000));
    assert_eq!(only[0].verdicts().iter().map(crate::Verdict::label).collect::<Vec<_>>(), ["on_no_node"]);
}

#[test]
fn where_no_node_answered_nothing_is_on_no_node() {
    for state in [NodeState::Unreachable, NodeState::Denied, NodeState::Waiting, NodeState::Stale] {
        let world = World::new(
            vec![group(&["n"], state, vec![])],
            vec![repository("team/app", vec![artifact("1", &["1"], &[])])],
        );
        let inventory = world.inventory();
        let row = inventory.all().next().unwrap();
        assert_eq!((row.verdicts(), row.reason()), (crate::Verdict::Unknown.into(), Some(Reason::NoNodeAnswered)));
    }
}
