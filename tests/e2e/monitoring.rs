//! deploy/monitoring: rules that promtool has tried, and names that `/metrics` really gives.

use image_service_tests::{Fault, Harbor, Node, Promtool, Version, repository};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn monitoring() -> PathBuf {
    repository("deploy/monitoring")
}

/// What `/metrics` says after a listing and a comparison with errors.
async fn metrics() -> String {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/artifacts", Fault::Status(404));
    let harbor = harbor.start().await.unwrap();
    let program = Node::builder().one_image().harbor(&harbor).start().unwrap();
    program.images().await.unwrap();
    program.get("/compare").await.unwrap().bytes().await.unwrap();
    program.metrics().await.unwrap().text
}

/// The names of metrics in a text, without what histograms add to theirs.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("image_service_") || word.starts_with("process_"));
    let base = |name: &str| {
        let end = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        end.unwrap_or(name).to_owned()
    };
    ours.map(base).collect()
}

#[tokio::test]
async fn every_metric_of_the_dashboard_and_the_rules_is_one_that_there_is() {
    let metrics = metrics().await;
    let there: BTreeSet<String> =
        metrics.lines().filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split_once(' ')?.0.to_owned())).collect();
    let mut used = BTreeSet::new();
    for file in ["dashboard.json", "alerts.yaml", "alerts_test.yaml"] {
        let names = names(&std::fs::read_to_string(monitoring().join(file)).unwrap());
        assert!(names.len() > 5 && names.is_subset(&there), "{file}: {:?}", names.difference(&there));
        used.extend(names);
    }
    let documented = names(&std::fs::read_to_string(repository("docs/operations.md")).unwrap());
    let ours = there.iter().filter(|name| name.starts_with("image_service_"));
    let missing: Vec<_> = ours.filter(|name| !documented.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/operations.md lacks {missing:?}");
}

#[test]
fn the_dashboard_has_panels_with_places_of_their_own() {
    let dashboard = std::fs::read_to_string(monitoring().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let distinct = |key: &str| panels.iter().map(|panel| panel[key].to_string()).collect::<BTreeSet<_>>().len();
    assert_eq!((distinct("id"), distinct("gridPos"), distinct("title")), (panels.len(), panels.len(), panels.len()));
}

#[tokio::test]
async fn promtool_is_content_with_rules_their_tests_and_the_metrics() {
    let Some(promtool) = Promtool::fetch().unwrap() else { return };
    let folder = monitoring();
    for arguments in [
        &["check", "config", "prometheus.yaml"][..],
        &["check", "rules", "alerts.yaml"],
        &["test", "rules", "alerts_test.yaml"],
    ] {
        if let Err(said) = promtool.run(arguments, &folder, "").unwrap() {
            panic!("{arguments:?}: {said}");
        }
    }
    let said = promtool.run(&["check", "metrics"], &folder, &metrics().await).unwrap();
    assert_eq!(said.as_deref().map(str::trim), Ok(""));
}
