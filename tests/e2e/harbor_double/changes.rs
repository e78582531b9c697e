//! What changes while Harbor runs, and how its rows tell.

use super::{Double, names};
use image_service_tests::harbor::Timestamp;
use image_service_tests::{Artifact, Harbor, HarborBuilder, Version};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn harbor(version: Version) -> HarborBuilder {
    Harbor::of(version).repository("a/app", 3).repository("a/other", 3).proxy_cache("hub")
}

/// The row of `a/app`.
async fn app(double: &Double) -> Value {
    double.json("/projects/a/repositories/app").await
}

/// What a change does to the row of `a/app`: whether its `update_time` moves, and what it counts then.
async fn moves(version: Version, change: impl AsyncFnOnce(&Harbor)) -> (bool, u64, u64) {
    let double = Double::start(harbor(version)).await;
    let before = app(&double).await;
    change(&double.0).await;
    let after = app(&double).await;
    let counts = |key: &str| after[key].as_u64().unwrap();
    (after["update_time"] != before["update_time"], counts("artifact_count"), counts("pull_count"))
}

#[tokio::test]
async fn each_change_moves_the_update_time_from_2_16_on() {
    for (version, marks) in [(Version::V2_8, false), (Version::V2_12, false), (Version::V2_16, true)] {
        let pushed = moves(version, async |harbor| drop(harbor.push("a/app").await)).await;
        assert_eq!(pushed, (marks, 4, 0));
        let moved = moves(version, async |harbor| drop(harbor.push_tagged("a/app", "v0").await)).await;
        assert_eq!(moved, (marks, 4, 0));
        let tagged = moves(version, async |harbor| harbor.put_tag("a/app", "v0", "latest").await).await;
        assert_eq!(tagged, (marks, 3, 0));
        let untagged = moves(version, async |harbor| harbor.delete_tag("a/app", "v0").await).await;
        assert_eq!(untagged, (marks, 3, 0));
        let deleted = moves(version, async |harbor| harbor.delete_artifact("a/app", "v0").await).await;
        assert_eq!(deleted, (marks, 2, 0));
        // As the recording of 2.12 shows: `team/upd`.
        let pulled = moves(version, async |harbor| harbor.pull("a/app", "v0").await).await;
        assert_eq!(pulled, (true, 3, 1));
    }
}

#[tokio::test]
async fn each_new_repository_has_an_id_of_its_own() {
    let double = Double::start(harbor(Version::V2_16)).await;
    double.0.push("b/one").await;
    double.0.push("c/two").await;
    double.0.push_tagged("c/three", "latest").await;
    for (project, expected) in [("b", vec!["b/one"]), ("c", vec!["c/three", "c/two"])] {
        let rows = double.json(&format!("/projects/{project}/repositories?sort=name")).await;
        assert_eq!(names(&rows), expected);
    }
}

#[tokio::test]
async fn a_moved_tag_leaves_an_untagged_artifact() {
    let double = Double::start(harbor(Version::V2_16)).await;
    let digest = double.0.push_tagged("a/app", "v0").await;
    let rows = double.json("/projects/a/repositories/app/artifacts").await;
    let tags = |row: &Value| row["tags"][0]["name"].as_str().map(str::to_owned);
    let tags: Vec<_> = rows.as_array().unwrap().iter().map(tags).collect();
    assert_eq!(tags, [Some("v0".to_owned()), Some("v2".to_owned()), Some("v1".to_owned()), None]);
    assert_eq!(rows[0]["digest"], digest);
    double.0.put_tag("a/app", "v1", "v0").await;
    let found = double.json("/projects/a/repositories/app/artifacts/v0").await;
    assert_eq!(found["digest"], rows[2]["digest"]);
}

#[tokio::test]
async fn what_is_deleted_leaves_no_row() {
    let double = Double::start(harbor(Version::V2_16)).await;
    double.0.delete_repository("a/app").await;
    assert_eq!(names(&double.json("/repositories").await), ["a/other"]);
    assert_eq!(double.json("/projects/a/artifacts").await.as_array().unwrap().len(), 3);
    assert_eq!(double.json("/projects/a/repositories/app/artifacts").await, json!([]));
    double.0.delete_project("a").await;
    assert_eq!(names(&double.json("/projects").await), ["hub"]);
    assert_eq!(double.json("/repositories").await, json!([]));
}

#[tokio::test]
async fn what_is_made_is_there() {
    let double = Double::start(harbor(Version::V2_16)).await;
    double.0.create_project("new", false).await;
    double.0.push("new/app").await;
    let project = double.json("/projects/new").await;
    assert_eq!((&project["repo_count"], &project["metadata"]["public"]), (&json!(1), &json!("false")));
    assert_eq!(names(&double.json("/repositories?page_size=1").await), ["new/app"], "the youngest first");
    assert_eq!(double.get_as("/projects/new", None, &[]).await.status(), 401);
}

#[tokio::test]
async fn a_proxy_cache_says_so_and_keeps_an_index_of_its_own() {
    let double = Double::start(harbor(Version::V2_16)).await;
    let digest = double.0.fill("hub/library/redis", Artifact::index(1, &["amd64"]).tagged("7")).await;
    assert_eq!(double.json("/projects/hub").await["registry_id"], 1);
    let row = &double.json("/projects/hub/artifacts").await[0];
    assert_eq!((&row["digest"], &row["tags"][0]["name"]), (&json!(digest), &json!("7")));
    assert!(row["tags"][0]["push_time"].as_str() > row["push_time"].as_str(), "the tag comes later");
    assert_eq!(double.json("/projects/hub/repositories").await[0]["pull_count"], 1);
}

#[tokio::test]
async fn the_update_times_of_the_beginning_are_spread_over_weeks() {
    let now = Timestamp::parse("2026-03-01T12:00:00.000Z").unwrap();
    let builder = (0..100).fold(Harbor::of(Version::V2_16), |harbor, at| harbor.repository(&format!("a/r{at}"), 1));
    let double = Double::start(builder.clock(now)).await;
    let rows = double.json("/repositories?page_size=100&sort=update_time").await;
    let time = |at: usize| Timestamp::parse(rows[at]["update_time"].as_str().unwrap()).unwrap();
    assert!(time(0) < now.minus(WEEK * 7) && time(99) < now && time(99) > now.minus(WEEK));
    assert!(time(50) < now.minus(WEEK * 3) && time(50) > now.minus(WEEK * 5));
    let all: BTreeSet<Timestamp> = (0..100).map(time).collect();
    assert_eq!(all.len(), 100);
}

#[tokio::test]
async fn harbors_clock_stamps_what_changes() {
    let now = Timestamp::parse("2026-03-01T12:00:00.000Z").unwrap();
    let double = Double::start(harbor(Version::V2_16).clock(now)).await;
    double.0.push("a/app").await;
    let stamp = async || Timestamp::parse(app(&double).await["update_time"].as_str().unwrap()).unwrap();
    assert!(stamp().await >= now && stamp().await < now.plus(WEEK));
    double.0.push_late("a/app", Duration::from_secs(300)).await;
    assert!(stamp().await < now, "a push that waited is stamped before it appears");
    double.0.set_clock(now.plus(WEEK)).await;
    double.0.push("a/app").await;
    assert!(stamp().await >= now.plus(WEEK));
}

#[tokio::test]
async fn a_restored_database_has_what_it_had() {
    let double = Double::start(harbor(Version::V2_16)).await;
    let (backup, before) = (double.0.backup().await, app(&double).await);
    double.0.push("a/app").await;
    double.0.restore(backup).await;
    assert_eq!(app(&double).await, before);
}
