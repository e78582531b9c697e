//! What Harbor may send: answers that would take the instance's memory cost rows of Harbor, and never those of the node.

use crate::listing::{assert_says, errors, harbor_rows, list, node_rows};
use hyper::body::Bytes;
use image_service_tests::{Fault, Harbor, Version, node_row};
use serde_json::Value;

/// What a Harbor of eight repositories comes to where these lists have this body.
async fn listed(part: &'static str, body: String) -> Value {
    let harbor = Harbor::of(Version::V2_16).repositories(8, 3);
    let harbor = harbor.fault(part, Fault::Json(Bytes::from(body))).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_eq!(node_rows(&images), [node_row()], "the node's row is there");
    images
}

#[tokio::test]
async fn a_page_of_millions_of_empty_tags_is_an_error() {
    let body = format!(r#"[{{"digest":"sha256:1","tags":[{}]}}]"#, vec!["{}"; 4 * 1024 * 1024 / 3].join(","));
    let images = listed("/artifacts", body).await;
    assert_eq!((harbor_rows(&images).len(), errors(&images).len()), (0, 8));
    assert_says(errors(&images)[0].1, &["an artifact with more than 50000 tags"]);
}

#[tokio::test]
async fn eight_pages_of_31_mib_at_a_time_are_errors() {
    let body = format!(r#"[{{"digest":"sha256:1","tags":[{{"name":"{}"}}]}}]"#, "x".repeat(31 * 1024 * 1024));
    let images = listed("/artifacts", body).await;
    assert_eq!((harbor_rows(&images).len(), errors(&images).len()), (0, 8));
    assert_says(errors(&images)[0].1, &["more than 8 MiB"]);
}

#[tokio::test]
async fn eight_large_pages_at_a_time_are_read() {
    let image = |number: usize| {
        let annotation = "x".repeat(1024 * 1024);
        format!(
            r#"{{"digest":"sha256:{number}","tags":[{{"name":"t{number}"}}],"annotations":{{"x":"{annotation}"}}}}"#
        )
    };
    let body = format!("[{}]", (0..20).map(image).collect::<Vec<_>>().join(","));
    let images = listed("/artifacts", body).await;
    assert_eq!((harbor_rows(&images).len(), errors(&images)), (8 * 20, vec![]));
}

#[tokio::test]
async fn projects_without_end_are_an_error_beside_those_that_were_read() {
    let name = |number: usize| format!(r#"{{"name":"{number}-{}","repo_count":0}}"#, "x".repeat(200_000));
    let body = format!("[{}]", (0..100).map(name).collect::<Vec<_>>().join(","));
    let images = listed("/projects?", body).await;
    assert_says(errors(&images)[0].1, &["the names and tags of one page take more than 8 MiB"]);
}
