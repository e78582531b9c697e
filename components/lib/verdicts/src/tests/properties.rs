//! What holds whatever nodes and the registry have.

use super::world::*;
use crate::{Outdated, Reason, Row, Verdict};
use image_model::types::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
struct Pulled {
    host: usize,
    repository: u8,
    tag: Option<u8>,
    digest: Option<u8>,
    node: bool,
}

#[derive(Clone, Debug)]
struct Pushed {
    repository: u8,
    tag: Option<u8>,
    digest: u8,
    children: Vec<u8>,
}

const HOSTS: [&str; 5] =
    ["h.example/team", "h.example/part", "h.example/hub/library", "docker.io/library", "quay.io/team"];

fn pulled_anything() -> impl Strategy<Value = Vec<Pulled>> {
    let one = (0..HOSTS.len(), 0_u8..3, proptest::option::of(0_u8..4), proptest::option::of(0_u8..8), any::<bool>());
    let one = one.prop_map(|(host, repository, tag, digest, node)| Pulled { host, repository, tag, digest, node });
    proptest::collection::vec(one, 1..12)
}

fn pushed_anything() -> impl Strategy<Value = Vec<(usize, Pushed)>> {
    let one = (0_usize..3, 0_u8..3, proptest::option::of(0_u8..4), 0_u8..8, proptest::collection::vec(0_u8..8, 0..2));
    let one = one.prop_map(|(project, repository, tag, digest, children)| {
        (project, Pushed { repository, tag, digest, children })
    });
    proptest::collection::vec(one, 0..20)
}

fn text(end: u8) -> String {
    format!("{:x}", end + 1)
}

fn world(pulled: &[Pulled], pushed: &[(usize, Pushed)]) -> World {
    let mut images = [Vec::new(), Vec::new()];
    for (number, Pulled { host, repository, tag, digest: end, node }) in pulled.iter().enumerate() {
        let name = format!("{}/r{repository}", HOSTS[*host]);
        let tags: Vec<String> = tag.iter().map(|tag| format!("{name}:{tag}")).collect();
        let digests: Vec<String> = end.iter().map(|end| format!("{name}@{}", digest(&text(*end)))).collect();
        images[usize::from(*node)].push(Image {
            id: format!("id{number}"),
            repo_tags: tags,
            repo_digests: digests,
            size: 1,
            pinned: false,
        });
    }
    let mut repositories: BTreeMap<String, Vec<Artifact>> = BTreeMap::new();
    for (project, Pushed { repository, tag, digest, children }) in pushed {
        let name = format!("{}/r{repository}", ["team", "part", "hub/library"][*project]);
        let tags: Vec<String> = tag.iter().map(u8::to_string).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let children: Vec<String> = children.iter().map(|child| text(*child)).collect();
        let children: Vec<&str> = children.iter().map(String::as_str).collect();
        repositories.entry(name).or_default().push(artifact(&text(*digest), &tags, &children));
    }
    let [one, other] = images;
    let repositories = repositories.into_iter().map(|(name, artifacts)| repository(&name, artifacts)).collect();
    let mut world = World::new(vec![node("a", one), node("b", other)], repositories);
    world.config.outdated = Outdated::Major;
    world
}

/// Whether an image in Harbor's project has the row's digest or tag, found the slow way.
fn is_in_harbor(row: &Row<'_>, world_repositories: &[Repository]) -> bool {
    let digests: Vec<String> = row.digests().map(|digest| digest.to_string()).collect();
    let Some(name) = row.repository().and_then(|name| name.strip_prefix("h.example/")) else { return false };
    world_repositories.iter().filter(|repository| format!("{}/{}", repository.project, repository.name) == name).any(
        |repository| {
            repository.artifacts.iter().any(|artifact| {
                digests.contains(&artifact.digest)
                    || artifact.children.iter().any(|child| digests.contains(child))
                    || row.tag().is_some_and(|tag| artifact.tags.iter().any(|other| other == tag))
            })
        },
    )
}

proptest! {
    #[test]
    fn no_image_that_is_in_harbor_is_missing(pulled in pulled_anything(), pushed in pushed_anything()) {
        let world = world(&pulled, &pushed);
        let repositories = world.repositories.clone();
        let inventory = world.inventory();
        for row in inventory.all() {
            if row.verdicts().contains(Verdict::Missing) {
                prop_assert!(!is_in_harbor(&row, &repositories), "{}", reference(&row));
                prop_assert_eq!(row.project(), Some("team"));
            }
        }
    }

    #[test]
    fn each_row_has_one_verdict_besides_outdated_and_disagreement(pulled in pulled_anything(), pushed in pushed_anything()) {
        let inventory = world(&pulled, &pushed).inventory();
        for row in inventory.all() {
            let mut verdicts: Vec<_> = row.verdicts().iter().filter(|verdict| *verdict != Verdict::Outdated).collect();
            if row.verdicts().contains(Verdict::Foreign) || row.verdicts().contains(Verdict::Unknown) {
                verdicts.retain(|verdict| *verdict != Verdict::Drifted);
                if row.reason() == Some(Reason::NodesDiffer) {
                    verdicts.retain(|verdict| *verdict != Verdict::Unknown);
                }
            }
            prop_assert_eq!(verdicts.len(), 1, "{} {:?}", reference(&row), row.verdicts());
            prop_assert_eq!(row.verdicts().contains(Verdict::Unknown), row.reason().is_some());
        }
    }

    #[test]
    fn what_depends_on_harbor_is_unknown_when_it_failed_or_the_login_does_not_count(
        pulled in pulled_anything(), pushed in pushed_anything(), refused: bool,
    ) {
        let before = world(&pulled, &pushed).inventory();
        let mut failed = world(&pulled, &pushed).fail(if refused { FailureCode::Denied } else { FailureCode::Unavailable }, None);
        if refused {
            failed.end.registry.as_mut().unwrap().login_counts = false;
        } else {
            failed.end.registry = None;
        }
        let after = failed.inventory();
        let on_nodes = |inventory: &crate::Inventory| inventory.all().filter(|row| row.node_count() > 0).count();
        prop_assert_eq!(on_nodes(&before), after.rows() as usize);
        for (was, is) in before.all().zip(after.all()) {
            // Which names are Harbor's, it says only to who is logged in. Everybody knows Docker Hub.
            let is_docker_hub = was.repository().is_some_and(|name| crate::reference::registry(name) == "docker.io");
            let foreign = was.verdicts().contains(Verdict::Foreign) && is_docker_hub;
            let expected = if foreign { Verdict::Foreign } else { Verdict::Unknown };
            prop_assert!(is.verdicts().contains(expected));
            // Nodes that disagree do so without Harbor.
            let others = is.verdicts().iter().filter(|verdict| !matches!(verdict, Verdict::Drifted | Verdict::Unknown | Verdict::Foreign));
            prop_assert_eq!(others.count(), 0);
            prop_assert!(is.artifact().is_none());
        }
    }

    #[test]
    fn the_failure_of_a_repository_changes_the_rows_of_that_repository_only(pulled in pulled_anything(), pushed in pushed_anything()) {
        let before = world(&pulled, &pushed).inventory();
        let mut failed = world(&pulled, &pushed).fail(FailureCode::TimedOut, Some("team/r0"));
        failed.repositories.retain(|repository| (repository.project.as_str(), repository.name.as_str()) != ("team", "r0"));
        let after = failed.inventory();
        for (was, is) in before.all().zip(after.all()).take_while(|(_, is)| is.node_count() > 0) {
            if is.repository() == Some("h.example/team/r0") {
                prop_assert!(is.verdicts().contains(Verdict::Unknown));
                prop_assert!(!is.verdicts().contains(Verdict::Missing));
            } else if !was.verdicts().contains(Verdict::Drifted) && was.reason() != Some(Reason::NodesDiffer) && is.reason() != Some(Reason::NodesDiffer) {
                let same: Vec<_> = is.verdicts().iter().filter(|verdict| *verdict != Verdict::Drifted).collect();
                prop_assert_eq!(was.verdicts().iter().collect::<Vec<_>>(), same);
            }
        }
    }

    #[test]
    fn the_order_of_nodes_and_images_changes_no_verdict(pulled in pulled_anything(), pushed in pushed_anything()) {
        let forward = world(&pulled, &pushed).inventory();
        let mut backward = world(&pulled, &pushed);
        backward.groups.reverse();
        backward.groups.iter_mut().for_each(|group| group.images.reverse());
        let query = crate::Query::default();
        let written = |inventory: &crate::Inventory| {
            let (page, mut buffer) = (inventory.whole(&query), Vec::new());
            let mut document = crate::InventoryDocument::new(inventory, &page, crate::Format::Csv, 0);
            crate::Document::fill(&mut document, &mut buffer, usize::MAX);
            String::from_utf8(buffer).unwrap()
        };
        prop_assert_eq!(written(&forward), written(&backward.inventory()));
    }
}
