//! The answer of `/compare`.

use super::world::*;
use crate::{ComparisonDocument, Document, Query};
use image_model::types::*;
use serde_json::{Value, json};

#[test]
fn an_image_that_harbor_lost_counts_in_the_project_that_would_have_it() {
    let image = pulled("i", "h.example/team/lost", "1", "9");
    let inventory = World::new(vec![node("a", vec![image, pulled("j", "nginx", "1", "8")])], vec![]).inventory();
    let comparison = inventory.compare(&Query::default());
    let names = |shares: &[crate::Share<'_>]| shares.iter().map(|share| share.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&comparison.by_project), ["hub", "team"], "hub mirrors docker.io");
    assert_eq!(names(&comparison.by_registry), ["docker.io", "h.example"]);
    assert_eq!(comparison.by_project[1].counts.of(crate::Verdict::Missing), 1);
}

#[test]
fn the_comparison_sums_up_and_has_the_rows_of_each_verdict() {
    let shared = || pulled("i", "h.example/team/app", "1", "1");
    let mut twice = pulled("j", "quay.io/tool", "1", "2");
    twice.repo_tags.push("quay.io/tool:2".to_owned());
    let world = World::new(
        vec![
            node("a", vec![shared(), twice]),
            node("b", vec![shared()]),
            group(&["c"], NodeState::Unreachable, vec![]),
        ],
        vec![repository("team/app", vec![artifact("1", &["1"], &[]), artifact("5", &["5"], &[])])],
    );
    let inventory = world.inventory();
    let comparison = inventory.compare(&Query::default());
    let mut text = Vec::new();
    assert!(!ComparisonDocument::new(&inventory, &comparison, 0).fill(&mut text, usize::MAX));
    let answer: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(answer["total"], 4);
    assert_eq!(answer["counts"]["foreign"], 2);
    assert_eq!(answer["on_all_nodes"], json!({"nodes": "2 of 3", "answered": 2, "known": 3, "images": 1}));
    assert_eq!(
        answer["by_nodes"],
        json!([
            {"nodes": ["a", "b"], "node_count": 2, "images": 1, "bytes": 1000, "size": "1kB"},
            {"nodes": ["a"], "node_count": 1, "images": 2, "bytes": 1000, "size": "1kB"},
        ])
    );
    assert_eq!(answer["bytes"]["by_node"][0], json!({"name": "a", "bytes": 2000, "size": "2kB"}));
    assert_eq!(answer["bytes"]["by_verdict"]["foreign"], json!({"bytes": 1000, "size": "1kB"}));
    assert_eq!(answer["bytes"]["by_repository"][0]["name"], "h.example/team/app");
    assert_eq!(answer["bytes"]["other_repositories"]["bytes"], 0);
    let counts = |name: &str, verdict: &str| {
        answer["bytes"][name]
            .as_array()
            .unwrap()
            .iter()
            .map(|share| share["counts"][verdict].clone())
            .collect::<Vec<_>>()
    };
    let share = |name: &str| {
        let mut share = answer["bytes"][name][0].clone();
        share.as_object_mut().unwrap().remove("counts");
        share
    };
    // The artifact that is on no node counts, too.
    assert_eq!(share("by_project"), json!({"name": "team", "images": 2, "bytes": 3000, "size": "3kB"}));
    assert_eq!(counts("by_project", "on_no_node"), [1]);
    assert_eq!(share("by_registry"), json!({"name": "h.example", "images": 2, "bytes": 3000, "size": "3kB"}));
    assert_eq!(answer["bytes"]["by_registry"][1]["bytes"], 1000, "one image of two tags");
    assert_eq!(
        (counts("by_registry", "foreign"), counts("by_registry", "in_sync")),
        (vec![0.into(), 2.into()], vec![1.into(), 0.into()])
    );
    let rows = |verdict: &str| {
        answer["images"][verdict]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["reference"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    let limited = inventory.compare(&Query::parse("limit=1").unwrap());
    let mut text = Vec::new();
    ComparisonDocument::new(&inventory, &limited, 0).fill(&mut text, usize::MAX);
    let limited: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&limited["total"], &limited["counts"]), (&answer["total"], &answer["counts"]));
    assert_eq!(limited["images"]["foreign"].as_array().unwrap().len(), 1);
    assert_eq!(rows("foreign"), ["quay.io/tool:1", "quay.io/tool:2"]);
    assert_eq!(rows("on_no_node"), ["h.example/team/app:5"]);
    assert!(rows("missing").is_empty());
    assert_eq!(answer["errors"], json!([]));
}
