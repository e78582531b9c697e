//! A small world to compare: a node, a Harbor, and what is said of their images.

use crate::{Builder, Config, Inventory, Row, Verdict};
use image_model::types::*;

/// The Harbor of these tests.
pub(super) const URL: &str = "https://h.example";

/// A digest that ends in this.
pub(super) fn digest(end: &str) -> String {
    format!("sha256:{end:0>64}")
}

pub(super) fn image(id: &str, tags: &[&str], digests: &[&str]) -> Image {
    let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    Image { id: id.to_owned(), repo_tags: strings(tags), repo_digests: strings(digests), size: 1000, pinned: false }
}

/// An image with one tag and one digest in a repository.
pub(super) fn pulled(id: &str, repository: &str, tag: &str, end: &str) -> Image {
    image(id, &[&format!("{repository}:{tag}")], &[&format!("{repository}@{}", digest(end))])
}

pub(super) fn node(name: &str, images: Vec<Image>) -> Group {
    group(&[name], NodeState::Answered, images)
}

pub(super) fn group(names: &[&str], state: NodeState, images: Vec<Image>) -> Group {
    let node = |name: &&str| Node { name: (*name).to_owned(), state, age: Some(2) };
    Group { nodes: names.iter().map(node).collect(), images }
}

pub(super) fn artifact(end: &str, tags: &[&str], children: &[&str]) -> Artifact {
    Artifact {
        digest: digest(end),
        size: 2000,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        kind: "IMAGE".to_owned(),
        media_type: "application/vnd.oci.image.config.v1+json".to_owned(),
        pushed: Some(1_764_118_924_000),
        pulled: None,
        children: children.iter().map(|end| digest(end)).collect(),
    }
}

pub(super) fn repository(name: &str, artifacts: Vec<Artifact>) -> Repository {
    let (project, name) = name.split_once('/').unwrap();
    Repository { project: project.to_owned(), name: name.to_owned(), artifacts }
}

/// A listing of Harbor: `team`, which is complete, `part`, which is not, and the proxy cache `hub`.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) repositories: Vec<Repository>,
    pub(super) groups: Vec<Group>,
    pub(super) end: ListingEnd,
}

impl World {
    pub(super) fn new(groups: Vec<Group>, repositories: Vec<Repository>) -> Self {
        let project = |name: &str, proxy_cache, complete| Project { name: name.to_owned(), proxy_cache, complete };
        Self {
            config: Config {
                url: Some(URL.to_owned()),
                mirrors: vec![("docker.io".to_owned(), "hub".to_owned())],
                ..Config::default()
            },
            repositories,
            groups,
            end: ListingEnd {
                registry: Some(Registry { version: Some("v2.16.0".to_owned()), hosts: Vec::new(), login_counts: true }),
                projects: vec![project("team", false, true), project("part", false, false), project("hub", true, true)],
                method: None,
                failures: Vec::new(),
            },
        }
    }

    pub(super) fn fail(mut self, code: FailureCode, repository: Option<&str>) -> Self {
        let failure =
            Failure { code, message: "it failed".to_owned(), repository: repository.map(str::to_owned), node: None };
        self.end.failures.push(failure);
        self
    }

    pub(super) fn inventory(self) -> Inventory {
        let mut builder = Builder::new(self.config);
        builder.push(self.repositories);
        let nodes = NodeListing { groups: self.groups, failures: Vec::new() };
        builder.finish(nodes, ListingBegin::default(), self.end)
    }
}

/// The verdicts of each row, by its reference and its nodes.
pub(super) fn told(inventory: &Inventory) -> Vec<(String, String, Vec<Verdict>)> {
    let mut told: Vec<_> =
        inventory.all().map(|row| (reference(&row), row.nodes().join(" "), row.verdicts().iter().collect())).collect();
    told.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    told
}

pub(super) fn reference(row: &Row<'_>) -> String {
    let mut text = String::new();
    row.write_reference(&mut text);
    text
}

/// The only row on a node.
pub(super) fn row<'a>(inventory: &'a Inventory) -> Row<'a> {
    let mut rows = inventory.all().filter(|row| row.node_count() > 0);
    let row = rows.next().unwrap();
    assert!(rows.next().is_none());
    row
}

/// The verdicts of the only row on a node.
pub(super) fn verdicts(inventory: &Inventory) -> Vec<&'static str> {
    row(inventory).verdicts().iter().map(Verdict::label).collect()
}
