//! What a listing holds, for all tests that look at one.

use image_service_tests::{Node, Program, node_row};
use serde_json::{Value, json};

/// The program on a node with one image, with this `harbor_config`.
pub(crate) fn start(harbor_config: Value) -> Program {
    Node::builder().one_image().config(json!({"harbor_config": harbor_config})).start().unwrap()
}

/// What the program lists on a node with one image, with this `harbor_config`.
pub(crate) async fn list(harbor_config: Value) -> Value {
    start(harbor_config).images().await.unwrap()
}

/// This configuration with one more key.
pub(crate) fn with(mut config: Value, key: &str, value: impl Into<Value>) -> Value {
    config[key] = value.into();
    config
}

/// The rows of the node.
pub(crate) fn node_rows(images: &Value) -> &[Value] {
    images["containerd_images"].as_array().unwrap()
}

/// The rows of Harbor.
pub(crate) fn harbor_rows(images: &Value) -> &[Value] {
    images["harbor_images"].as_array().unwrap()
}

/// The rows of Harbor as `project/repository:tag`.
pub(crate) fn names(images: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = |row: &Value| format!("{}/{}:{}", text(&row["project"]), text(&row["repository"]), text(&row["tag"]));
    harbor_rows(images).iter().map(name).collect()
}

/// The names of the rows of a repository with so many numbered artifacts, newest first.
pub(crate) fn numbered(repository: &str, count: usize) -> Vec<String> {
    (0..count).rev().map(|number| format!("{repository}:v{number}")).collect()
}

/// Asserts that Harbor's rows are these, in this order.
pub(crate) fn assert_rows(images: &Value, expected: &[String]) {
    let names = names(images);
    let same = names.iter().zip(expected).take_while(|(row, expected)| row == expected).count();
    // Thousands of rows tell less than the first that differs.
    assert!(
        names.len() == expected.len() && same == expected.len(),
        "{} rows where {} were expected; row {same} is {:?} instead of {:?}",
        names.len(),
        expected.len(),
        names.get(same),
        expected.get(same)
    );
}

/// Asserts that Harbor's rows are these, and that there is no error.
pub(crate) fn assert_whole(images: &Value, expected: &[String]) {
    assert_rows(images, expected);
    assert_eq!(images["errors"], json!([]));
}

/// Source and text of each error.
pub(crate) fn errors(images: &Value) -> Vec<(&str, &str)> {
    let errors = images["errors"].as_array().unwrap();
    errors.iter().map(|item| (item["source"].as_str().unwrap(), item["error"].as_str().unwrap())).collect()
}

/// The text of the one error that there is.
pub(crate) fn only_error(images: &Value) -> &str {
    let [(_, error)] = errors(images)[..] else { panic!("not one error: {}", images["errors"]) };
    error
}

/// The text of the one error that there is, which is Harbor's. The node's row is there.
pub(crate) fn only_harbor_error(images: &Value) -> &str {
    assert_eq!(node_rows(images), [node_row()]);
    let [("harbor", error)] = errors(images)[..] else { panic!("not one error of Harbor: {}", images["errors"]) };
    error
}

/// The text of the one error that there is, which is the node's. So many rows of Harbor are there.
pub(crate) fn only_node_error(images: &Value, harbor: usize) -> &str {
    assert_eq!((node_rows(images).len(), harbor_rows(images).len()), (0, harbor));
    let [("containerd", error)] = errors(images)[..] else { panic!("not one error of the node: {}", images["errors"]) };
    error
}

/// Asserts that a text says all of this.
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}
