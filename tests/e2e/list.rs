//! `image-service list`, as an operator or a script runs it.

use crate::listing::{assert_says, node_rows};
use image_service_tests::{Harbor, Node, Program, Version, command, node_row, run};
use std::process::Stdio;

#[tokio::test]
async fn list_prints_two_tables_aligned_as_crictls() {
    let output = run(&["list", "--demo"]).await.unwrap();
    assert_eq!(output.stdout.as_str(), include_str!("expected/list-demo.txt"));
    assert_eq!((output.stderr.as_str(), output.code), ("", Some(0)));
}

#[tokio::test]
async fn list_as_json_prints_the_bytes_that_get_images_answers() {
    let served = Program::demo().unwrap().images_text().await.unwrap();
    let listed = run(&["list", "--demo", "--output", "json"]).await.unwrap();
    assert_eq!(listed.stdout, served);
}

#[tokio::test]
async fn list_as_csv_has_one_row_an_image() {
    let output = run(&["list", "--demo", "--output", "csv"]).await.unwrap();
    assert_eq!(output.stdout, include_str!("expected/list-demo.csv"));
}

#[tokio::test]
async fn list_prints_what_arrived_says_what_failed_and_exits_with_1() {
    let harbor = Harbor::of(Version::V2_12).repository("library/nginx", 2).start().await.unwrap();
    let node = Node::builder().crictl_script("echo no runtime >&2; exit 3").harbor(&harbor).build().unwrap();
    let output = node.run(&["list", "--output", "csv"]).await.unwrap();
    assert_eq!(output.stdout.as_str().lines().filter(|line| line.starts_with("harbor,library,nginx,")).count(), 2);
    let stderr = output.stderr.as_str();
    let [unencrypted, failure] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("{stderr}") };
    assert!(unencrypted.starts_with("image-service: warning: the password travels unencrypted"), "{stderr}");
    assert!(failure.starts_with("image-service: containerd: ") && failure.contains("no runtime"), "{stderr}");
    assert_eq!(output.code, Some(1));
}

#[tokio::test]
async fn list_without_any_harbor_is_no_failure_and_its_json_is_what_clients_know() {
    let node = Node::builder().one_image().build().unwrap();
    let output = node.run(&["list", "--output", "json"]).await.unwrap();
    assert_eq!(node_rows(&serde_json::from_str(&output.stdout).unwrap()), [node_row()]);
    assert_says(&output.stdout, &["Harbor configuration incomplete"]);
    assert_eq!(output.stderr.as_str(), "");
    assert_eq!(output.code, Some(0));
}

#[test]
fn list_ends_quietly_when_its_reader_has_read_enough() {
    let mut command = command::command();
    command.args(["list", "--demo"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut stderr).unwrap();
    assert_eq!((stderr.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}
