//! The demonstration: sample data, no node, no registry.

use image_service_tests::Program;

#[tokio::test]
async fn the_demo_answers_from_built_in_data_and_ends_quietly_on_sigterm() {
    let program = Program::start(&["--demo"], None).unwrap();
    let images = program.images().await.unwrap();
    assert_eq!(images["containerd_images"].as_array().unwrap().len(), 7, "8 tags, of which one is left out");
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 5);
    assert_eq!(images["errors"].as_array().unwrap().len(), 0);
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    assert_eq!(program.terminate().unwrap().code(), Some(0));
}

#[tokio::test]
async fn two_slashes_answer_as_one_and_other_paths_are_problems() {
    let program = Program::start(&["--demo"], None).unwrap();
    let one = program.get("/images").await.unwrap().text().await.unwrap();
    assert_eq!(program.get("//images").await.unwrap().text().await.unwrap(), one);
    let missing = program.get("/nothing").await.unwrap();
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.headers()["content-type"], "application/problem+json");
}
