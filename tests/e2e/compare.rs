//! `image-service compare`: the verdicts on a terminal.

use image_service_tests::{Fault, Harbor, Node, NodeBuilder, Version, run};
use serde_json::{Value, json};

#[tokio::test]
async fn compare_prints_the_verdicts_worst_first_and_sums_them_up() {
    let output = run(&["compare", "--demo"]).await.unwrap();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), include_str!("expected/compare-demo.txt")));
}

#[tokio::test]
async fn compare_as_json_is_what_get_compare_answers() {
    let output = run(&["compare", "--demo", "--output", "json"]).await.unwrap();
    let comparison: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(comparison["counts"]["missing"], 1);
    assert_eq!(comparison["images"]["missing"][0]["reference"], "harbor.example.com/mobile/push-worker:1.0.7");
}

/// The exit code of a comparison with --exit-code, and its stderr.
async fn exit_code(harbor: &Harbor, tag: &str) -> (Option<i32>, String) {
    let host = harbor.url.trim_start_matches("http://");
    let repository = format!("{host}/team/app");
    let images = json!({"images": [{
        "id": format!("sha256:{:064x}", 1), "repoTags": [format!("{repository}:{tag}")], "size": "5",
        "repoDigests": [format!("{repository}@sha256:{:064x}", 0)],
    }]});
    let node = Node::builder().images(images.to_string()).harbor(harbor).build().unwrap();
    let config = node.config_file();
    let output = run(&["compare", "--exit-code", "--config", config.to_str().unwrap()]).await.unwrap();
    (output.code, output.stderr)
}

#[tokio::test]
async fn the_exit_code_says_whether_something_differs_or_failed() {
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 1).start().await.unwrap();
    assert_eq!(exit_code(&harbor, "v0").await.0, Some(0));
    assert_eq!(exit_code(&harbor, "gone").await.0, Some(3));
    let failing = Harbor::of(Version::V2_16).repository("team/app", 1).fault("/artifacts", Fault::Status(403));
    let (code, stderr) = exit_code(&failing.start().await.unwrap(), "gone").await;
    assert!(code == Some(1) && stderr.contains("403"), "{code:?} {stderr}");
    let output = run(&["compare", "--config", "/nonexistent/config.json"]).await.unwrap();
    assert_eq!(output.code, Some(2));
}

#[tokio::test]
async fn without_harbor_there_is_nothing_to_compare_with() {
    let node = Node::builder().one_image().build().unwrap();
    let output = run(&["compare", "--exit-code", "--config", node.config_file().to_str().unwrap()]).await.unwrap();
    assert_eq!(output.code, Some(2), "a script must not take this for no difference: {}", output.stderr);
    assert!(output.stdout.contains("set harbor_config.url"), "{}", output.stdout);
    let output = run(&["compare", "--config", node.config_file().to_str().unwrap()]).await.unwrap();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

/// The last line that compare prints.
async fn summed_up(node: NodeBuilder) -> String {
    let node = node.build().unwrap();
    let output = run(&["compare", "--config", node.config_file().to_str().unwrap()]).await.unwrap();
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    output.stdout.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_did_not_answer_is_told_and_no_number_is_made_up() {
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 3).start().await.unwrap();
    let closed = json!({"harbor_config": {"url": "http://127.0.0.1:1", "user": "u", "password": "p", "retries": 0}});
    let silent = || Node::builder().crictl(&["false"]);
    assert!(
        summed_up(silent().config(closed.clone()))
            .await
            .ends_with(" nor http://127.0.0.1:1 answered, so nothing is known")
    );
    let node_down = summed_up(silent().harbor(&harbor)).await;
    assert!(
        node_down.contains(&format!(" did not answer, so the 3 images in {} can't be compared", harbor.url)),
        "{node_down}"
    );
    let harbor_down = summed_up(Node::builder().one_image().config(closed)).await;
    assert!(
        harbor_down.starts_with("1 image on ") && harbor_down.ends_with("; http://127.0.0.1:1 did not answer"),
        "{harbor_down}"
    );
}
