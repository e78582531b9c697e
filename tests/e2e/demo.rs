//! The demonstration: sample data, no node, no registry.

use crate::listing::{errors, harbor_rows, node_rows};
use image_service_tests::Program;
use serde_json::Value;

#[tokio::test]
async fn the_demo_answers_from_built_in_data_and_ends_quietly_on_sigterm() {
    let mut program = Program::demo().unwrap();
    let images = program.images().await.unwrap();
    // Nineteen images, of which the ignore file leaves one out.
    assert_eq!((node_rows(&images).len(), harbor_rows(&images).len(), errors(&images).len()), (18, 37, 0));
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_demo_has_an_example_of_each_verdict() {
    let program = Program::demo().unwrap();
    let inventory: Value = program.get("/inventory?limit=1").await.unwrap().json().await.unwrap();
    let counts = inventory["counts"].as_object().unwrap();
    assert_eq!(counts.len(), 9, "{counts:?}");
    assert!(counts.values().all(|count| count.as_u64() > Some(0)), "{counts:?}");
}

#[tokio::test]
async fn two_slashes_answer_as_one_and_other_paths_are_problems() {
    let program = Program::demo().unwrap();
    let one = program.images_text().await.unwrap();
    assert_eq!(program.get("//images").await.unwrap().text().await.unwrap(), one);
    let missing = program.get("/nothing").await.unwrap();
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.headers()["content-type"], "application/problem+json");
}
