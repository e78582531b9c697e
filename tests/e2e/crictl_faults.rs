//! The program `crictl`, run through sudo, and each way in which it goes wrong. The registry's rows arrive all the same.

use image_service_tests::{Harbor, Node, Version};
use serde_json::{Value, json};

const IMAGES: &str = r#"{"images":[{"id":"sha256:a24bb4013296f61e","repoTags":["a:1"],"size":"7"}]}"#;

/// A node in mode `exec` with a stand-in `sudo` that is this shell script, and a Harbor with two rows.
async fn node(sudo: Option<&str>, timeout: f64) -> (Node, Harbor) {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 2).start().await.unwrap();
    let crictl = json!({"mode": "exec", "timeout": timeout});
    let node = Node::configured(&json!({"crictl_config": crictl, "harbor_config": harbor.config()})).unwrap();
    if let Some(script) = sudo {
        node.script("sudo", script).unwrap();
    }
    (node, harbor)
}

/// The one error of a listing, which is of the node; Harbor's rows are there.
async fn only_error(sudo: &str, timeout: f64) -> String {
    let (node, _harbor) = node(Some(sudo), timeout).await;
    error_of(&node.start().unwrap().images().await.unwrap())
}

fn error_of(images: &Value) -> String {
    assert_eq!(images["containerd_images"], json!([]));
    assert_eq!(images["harbor_images"].as_array().unwrap().len(), 2);
    assert_eq!(images["errors"].as_array().unwrap().len(), 1, "{images}");
    assert_eq!(images["errors"][0]["source"], "containerd");
    images["errors"][0]["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_program_that_is_not_installed_is_named_with_what_to_do() {
    let (node, _harbor) = node(None, 5.0).await;
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(node.config()).unwrap()).unwrap();
    config["crictl_config"]["command"] = json!(["/nonexistent/crictl", "images"]);
    node.configure(&config).unwrap();
    let error = error_of(&node.start().unwrap().images().await.unwrap());
    assert!(error.contains("/nonexistent/crictl is not installed; install it"), "{error}");
}

#[tokio::test]
async fn a_refusing_sudo_is_told_with_the_rule_that_it_needs() {
    let error = only_error("echo 'sudo: a password is required' >&2; exit 1", 5.0).await;
    assert!(error.contains("a password is required") && error.contains("sudoers with NOPASSWD"), "{error}");
}

#[tokio::test]
async fn a_program_that_may_not_be_executed_is_named() {
    let (node, _harbor) = node(None, 5.0).await;
    std::fs::write(node.path().join("crictl"), "no program").unwrap();
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(node.config()).unwrap()).unwrap();
    config["crictl_config"]["command"] = json!([node.path().join("crictl")]);
    node.configure(&config).unwrap();
    let error = error_of(&node.start().unwrap().images().await.unwrap());
    assert!(error.contains("crictl may not be executed by this user"), "{error}");
}

#[tokio::test]
async fn a_failing_crictl_is_quoted_with_its_exit_code() {
    let error = only_error("echo 'FATA[0000] connect: connection refused' >&2; exit 3", 5.0).await;
    assert!(error.contains("connection refused") && error.contains("exit status: 3"), "{error}");
}

#[tokio::test]
async fn warnings_on_stderr_cost_nothing() {
    let (node, _harbor) = node(Some(&format!("echo 'WARN[0000] careful' >&2; echo '{IMAGES}'")), 5.0).await;
    let images = node.start().unwrap().images().await.unwrap();
    assert_eq!(images["containerd_images"].as_array().unwrap().len(), 1);
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn garbage_is_refused_with_its_beginning() {
    let error = only_error("echo 'Segmentation what?'", 5.0).await;
    assert!(error.contains("printed something else than images") && error.contains("Segmentation what?"), "{error}");
}

#[tokio::test]
async fn a_hanging_crictl_is_stopped_with_all_that_it_started() {
    let (node, _harbor) = node(Some("sleep 600 & echo $! > \"${0%/*}/child\"; wait"), 0.5).await;
    let program = node.start().unwrap();
    let error = error_of(&program.images().await.unwrap());
    assert!(error.contains("did not end within 0.5 s and was stopped"), "{error}");
    let child = node.read("child");
    let stat = format!("/proc/{}/stat", child.trim());
    assert!(!child.trim().is_empty());
    for _ in 0..500 {
        let state = std::fs::read_to_string(&stat).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("what crictl had started still runs");
}

#[tokio::test]
async fn a_hundred_megabytes_are_stopped_and_not_kept() {
    let (node, _harbor) = node(Some("head -c 100000000 /dev/zero"), 20.0).await;
    let program = node.start().unwrap();
    let error = error_of(&program.images().await.unwrap());
    assert!(error.contains("printed more than 16777216 bytes and was stopped"), "{error}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 100_000, "{kilobytes} kB at its peak");
}

#[tokio::test]
async fn a_table_with_more_columns_is_read() {
    let table = "IMAGE                TAG     DIGEST          IMAGE ID        SIZE     PINNED\n\
                 registry.k8s.io/pause 3.9    0123456789abc   e6f181688397e   322kB    true\n\
                 docker.io/library/a   <none> fedcba9876543   a24bb4013296f   117MB";
    let (node, _harbor) = node(Some(&format!("[ \"$*\" = '-n crictl images' ] || exit 1; echo '{table}'")), 5.0).await;
    let images = node.start().unwrap().images().await.unwrap();
    assert_eq!(images["errors"], json!([]));
    assert_eq!(
        images["containerd_images"],
        json!([
            {"image_id": "a24bb4013296f", "repository": "docker.io/library/a", "size": "117MB", "tag": "<none>"},
            {"image_id": "e6f181688397e", "repository": "registry.k8s.io/pause", "size": "322kB", "tag": "3.9"},
        ])
    );
}

#[tokio::test]
async fn the_form_that_worked_is_asked_for_first_the_next_time() {
    let table = "IMAGE  TAG  IMAGE ID  SIZE\na  1  a24bb4013296f  7B";
    let script = format!(
        "echo \"$*\" >> \"${{0%/*}}/asked\"; [ \"$*\" = '-n crictl images' ] || {{ echo 'a password is required' >&2; exit 1; }}; \
         echo '{table}'"
    );
    let (node, _harbor) = node(Some(&script), 5.0).await;
    let program = node.start().unwrap();
    for _ in 0..2 {
        assert_eq!(program.images().await.unwrap()["containerd_images"].as_array().unwrap().len(), 1);
    }
    let asked = node.read("asked");
    assert_eq!(asked.lines().collect::<Vec<_>>(), ["-n crictl images -o json", "-n crictl images", "-n crictl images"]);
}

#[tokio::test]
async fn an_edit_of_the_ignore_file_counts_from_the_next_request_on() {
    let (node, _harbor) = node(Some(&format!("echo '{IMAGES}'")), 5.0).await;
    let program = node.start().unwrap();
    assert_eq!(program.images().await.unwrap()["containerd_images"].as_array().unwrap().len(), 1);
    node.ignore("IMAGE,TAG,IMAGE ID,SIZE\na,1,a24bb4013296f,7B\n").unwrap();
    assert_eq!(program.images().await.unwrap()["containerd_images"], json!([]));
    std::fs::remove_file(node.path().join("images_to_ignore.txt")).unwrap();
    assert_eq!(program.images().await.unwrap()["containerd_images"].as_array().unwrap().len(), 1);
}
