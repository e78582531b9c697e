//! A registry of 100,000 artifacts, in a memory that does not grow with it.

use crate::listing::{harbor_rows, start};
use image_service_tests::{Artifact, Harbor, Version};
use serde_json::{Value, json};

/// MiB that the program may take at its peak.
const MEMORY: u64 = 200;

/// Repositories in the order of their rows, and how many artifacts each has: a long one, one project of many, some of few.
fn repositories() -> Vec<(String, usize)> {
    let mut repositories = vec![("big/app".to_owned(), 60_000)];
    repositories.extend((0..30).map(|number| (format!("mid/team/app-{number:02}"), 1_000)));
    for project in 0..5 {
        repositories.extend((0..10).map(|number| (format!("small-{project}/app-{number}"), 200)));
    }
    repositories
}

async fn assert_lists_100_000_in_order(version: Version) {
    let repositories = repositories();
    let harbor = repositories.iter().fold(Harbor::of(version), |harbor, (name, count)| harbor.repository(name, *count));
    let harbor = harbor.start().await.unwrap();
    let program = start(harbor.config());
    let images = program.images().await.unwrap();
    assert_eq!(images["errors"], json!([]));
    let expected = repositories.iter().flat_map(|(name, count)| {
        let (project, repository) = name.split_once('/').unwrap();
        (0..*count).rev().map(move |number| (project, repository, number))
    });
    let rows = harbor_rows(&images);
    assert_eq!(rows.len(), 100_000);
    // Each row in its place: so none is missing, twice, or out of order.
    for (row, (project, repository, number)) in rows.iter().zip(expected) {
        assert_eq!(row, &expected_row(project, repository, number));
    }
    let peak = program.peak_memory().unwrap() / 1024;
    assert!(peak < MEMORY, "{peak} MiB");
}

fn expected_row(project: &str, repository: &str, number: usize) -> Value {
    let Artifact { digest, tags, .. } = Artifact::numbered(number);
    json!({"digest": digest, "project": project, "repository": repository, "size": "1.5MB", "tag": tags[0]})
}

#[tokio::test(flavor = "multi_thread")]
async fn harbor_2_12_with_100_000_artifacts_is_listed_in_order_within_200_mib() {
    assert_lists_100_000_in_order(Version::V2_12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn harbor_2_8_with_100_000_artifacts_is_listed_in_order_within_200_mib() {
    assert_lists_100_000_in_order(Version::V2_8).await;
}
