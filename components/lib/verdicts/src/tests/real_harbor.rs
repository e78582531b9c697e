//! What a real Harbor 2.16 and two real nodes said (testdata), and the right verdict of each reference.

use super::world::reference;
use crate::{Builder, Config, Inventory, Verdict};
use image_model::crictl;
use image_model::types::*;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct Expected {
    config: ExpectedConfig,
    projects: Vec<ExpectedProject>,
    references: Vec<ExpectedReference>,
    on_no_node: Vec<ExpectedArtifact>,
}

#[derive(Deserialize)]
struct ExpectedConfig {
    registry_hosts: Vec<String>,
    mirrors: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ExpectedProject {
    name: String,
    registry_id: Option<u64>,
    complete: bool,
}

#[derive(Deserialize)]
struct ExpectedReference {
    node: String,
    reference: Option<String>,
    verdict: String,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct ExpectedArtifact {
    repository: String,
    digest: String,
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct RecordedArtifact {
    project: String,
    repository: String,
    digest: String,
    media_type: String,
    r#type: String,
    bytes: u64,
    tags: Vec<String>,
    children: Vec<String>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("../../testdata/expected.json")).unwrap()
}

fn repositories() -> Vec<Repository> {
    let lines = include_str!("../../testdata/harbor-artifacts.ndjson").lines();
    lines
        .map(|line| {
            let artifact: RecordedArtifact = serde_json::from_str(line).unwrap();
            let name = artifact.repository.strip_prefix(&format!("{}/", artifact.project)).unwrap().to_owned();
            let artifacts = vec![Artifact {
                digest: artifact.digest,
                size: artifact.bytes,
                tags: artifact.tags,
                kind: artifact.r#type,
                media_type: artifact.media_type,
                pushed: None,
                pulled: None,
                children: artifact.children,
            }];
            Repository { project: artifact.project, name, artifacts }
        })
        .collect()
}

fn node(name: &str, output: &str) -> Group {
    let images = crictl::parse_json(output).unwrap();
    Group { nodes: vec![Node { name: name.to_owned(), state: NodeState::Answered, age: Some(0) }], images }
}

fn inventory() -> Inventory {
    let expected = expected();
    let mut builder = Builder::new(Config {
        url: Some("https://harbor.example.com".to_owned()),
        registry_hosts: expected.config.registry_hosts,
        mirrors: expected.config.mirrors.into_iter().collect(),
        ..Config::default()
    });
    builder.push(repositories());
    let groups = vec![
        node("node-a", include_str!("../../testdata/node-a.containerd-1.6.json")),
        node("node-b", include_str!("../../testdata/node-b.containerd-2.4.json")),
    ];
    let projects = expected.projects.into_iter().map(|project| Project {
        name: project.name,
        proxy_cache: project.registry_id.is_some(),
        complete: project.complete,
    });
    let end = ListingEnd {
        registry: Some(Registry { version: None, hosts: Vec::new(), login_counts: true }),
        projects: projects.collect(),
        ..ListingEnd::default()
    };
    builder.finish(NodeListing { groups, failures: Vec::new() }, ListingBegin::default(), end)
}

#[test]
fn each_of_28_references_of_two_real_nodes_has_the_right_verdict() {
    let inventory = inventory();
    let expected: Vec<_> = expected()
        .references
        .into_iter()
        .map(|expected| (expected.node, expected.reference.unwrap_or_default(), vec![expected.verdict]))
        .collect();
    assert_eq!(expected.len(), 28);
    let mut told = Vec::new();
    for row in inventory.all() {
        // A row may be on both nodes.
        for node in ["node-a", "node-b"] {
            let on_it = row.nodes() == [node] || row.nodes() == ["node-a", "node-b"];
            if on_it {
                let verdicts: Vec<_> = row.verdicts().iter().map(|verdict| verdict.label().to_owned()).collect();
                told.push((node.to_owned(), reference(&row), verdicts));
            }
        }
    }
    told.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(told, sorted);
}

#[test]
fn tagged_images_that_no_node_has_are_the_ones_that_were_recorded() {
    let inventory = inventory();
    let only = inventory.all().filter(|row| row.verdicts().contains(Verdict::OnNoNode));
    let told: BTreeSet<_> = only
        .map(|row| {
            let artifact = row.artifact().unwrap();
            let (project, name) = artifact.name();
            let mut tags: Vec<_> = row.same_digest_tags().into_iter().map(str::to_owned).collect();
            tags.sort();
            assert_eq!(row.node_count(), 0);
            ExpectedArtifact { repository: format!("{project}/{name}"), digest: artifact.digest().to_string(), tags }
        })
        .collect();
    assert_eq!(told, expected().on_no_node.into_iter().collect());
}

#[test]
fn the_answer_names_the_tags_that_still_lead_to_an_untagged_image() {
    let inventory = inventory();
    let row = inventory.all().find(|row| reference(row) == "127.0.0.1:8085/many/tags:v3").unwrap();
    let tags = row.same_digest_tags();
    assert_eq!(tags.len(), 18);
    assert!(tags.contains(&"v10") && !tags.contains(&"v3"));
}

#[test]
fn an_index_has_another_size_in_harbor_which_is_no_difference() {
    let inventory = inventory();
    let row = inventory.all().find(|row| reference(row) == "127.0.0.1:8085/team/multi:2.0").unwrap();
    assert_eq!((row.bytes(), row.artifact().unwrap().bytes()), (1320, 2148));
    assert_eq!(row.verdicts(), Verdict::InSync.into());
    assert_eq!((row.nodes(), row.node_count()), (&["node-a".to_owned(), "node-b".to_owned()][..], 2));
}
