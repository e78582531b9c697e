//! The program `crictl`, run through sudo, and each way in which it goes wrong. The registry's rows arrive all the same.

use crate::listing::{assert_says, node_rows, only_node_error};
use image_service_tests::{Harbor, Node, NodeBuilder, Program, Version, eventually, leave_out};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// A Harbor with two rows, and a node in mode `exec` that lists it.
async fn node(timeout: f64) -> (NodeBuilder, Harbor) {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 2).start().await.unwrap();
    let crictl = json!({"crictl_config": {"mode": "exec", "timeout": timeout}});
    (
        Node::builder().harbor(&harbor).config(crictl).file("images.json", include_str!("../fixtures/two-images.json")),
        harbor,
    )
}

/// The program on a node whose crictl is this shell script.
async fn start(crictl: &str) -> (Program, Harbor) {
    let (node, harbor) = node(5.0).await;
    (node.crictl_program(crictl).start().unwrap(), harbor)
}

/// The error of a listing, which is of the node. Harbor's rows are there.
async fn error_of(node: NodeBuilder) -> String {
    only_node_error(&node.start().unwrap().images().await.unwrap(), 2).to_owned()
}

/// The same on a node whose crictl is this shell script.
async fn only_error(crictl: &str) -> String {
    let (node, _harbor) = node(5.0).await;
    error_of(node.crictl_program(crictl)).await
}

#[tokio::test]
async fn a_program_that_is_not_installed_is_named_with_what_to_do() {
    let (node, _harbor) = node(5.0).await;
    let error = error_of(node.crictl(&["/nonexistent/crictl", "images"])).await;
    assert_says(&error, &["/nonexistent/crictl is not installed; install it"]);
}

#[tokio::test]
async fn a_refusing_sudo_is_told_with_the_rule_that_it_needs() {
    let (node, _harbor) = node(5.0).await;
    let program = node.script("sudo", "echo 'sudo: a password is required' >&2; exit 1").start_as_nobody().unwrap();
    let images = program.images().await.unwrap();
    assert_says(only_node_error(&images, 2), &["a password is required", "sudoers with NOPASSWD"]);
}

#[tokio::test]
async fn a_program_that_may_not_be_executed_is_named() {
    let (node, _harbor) = node(5.0).await;
    let error = error_of(node.file("crictl", "no program").crictl(&["{node}/crictl"])).await;
    assert_says(&error, &["crictl may not be executed by this user"]);
}

#[tokio::test]
async fn a_failing_crictl_is_quoted_with_its_exit_code() {
    let error = only_error("echo 'FATA[0000] connect: connection refused' >&2; exit 3").await;
    assert_says(&error, &["connection refused", "exit status: 3"]);
}

#[tokio::test]
async fn warnings_on_stderr_cost_nothing() {
    let (program, _harbor) = start("echo 'WARN[0000] careful' >&2; cat images.json").await;
    let images = program.images().await.unwrap();
    assert_eq!((node_rows(&images).len(), &images["errors"]), (2, &json!([])));
}

#[tokio::test]
async fn garbage_is_refused_with_its_beginning() {
    let error = only_error("echo 'Segmentation what?'").await;
    assert_says(&error, &["printed something else than images", "Segmentation what?"]);
}

#[tokio::test]
async fn a_hanging_crictl_is_stopped_with_all_that_it_started() {
    let (node, _harbor) = node(0.5).await;
    let program = node.crictl_program("sleep 600 & echo $! > child; wait").start().unwrap();
    let images = program.images().await.unwrap();
    assert_says(only_node_error(&images, 2), &["did not end within 0.5 s and was stopped"]);
    let child = program.node().read("child");
    let stat = format!("/proc/{}/stat", child.trim());
    assert!(!child.trim().is_empty());
    let ended = async || {
        let state = std::fs::read_to_string(&stat).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    };
    eventually("the end of the process that crictl had started", ended).await.unwrap();
}

#[tokio::test]
async fn a_crictl_of_root_that_hangs_is_one_process_however_often_it_is_asked_for() {
    if !rustix::process::geteuid().is_root() {
        return leave_out("only root can make a program that its user can't kill");
    }
    let (node, _harbor) = node(0.3).await;
    // As sudo does, a setpriv with the rights of root becomes root in all of its identities.
    let hanging = "echo $$ >> {node}/begun; exec sleep 600";
    let node = node.crictl(&["{node}/setpriv", "--reuid=0", "--clear-groups", "sh", "-c", hanging]).build().unwrap();
    node.program_of_root("/usr/bin/setpriv").unwrap();
    let program = node.launch().start_as_nobody().unwrap();
    let errors = async || only_node_error(&program.images().await.unwrap(), 2).to_owned();
    let first = errors().await;
    let begun = program.node().read("begun");
    let id = begun.trim();
    assert_says(
        &first,
        &[&format!("(process {id}) hangs for"), "can't be stopped by this program", &format!("`kill {id}`")],
    );
    assert_says(&errors().await, &[&format!("(process {id}) hangs for"), "no other one is begun"]);
    program.node().configure(json!({"crictl_config": {"timeout": 0.4}})).unwrap();
    program.reload().await.unwrap();
    assert_says(&errors().await, &[&format!("(process {id}) hangs for")]);
    assert_eq!(program.node().read("begun"), begun);
    let ended = Pid::from_raw(id.parse().unwrap()).unwrap();
    kill_process(ended, Signal::KILL).unwrap();
    let begins_again = async || {
        errors().await;
        program.node().read("begun") != begun
    };
    eventually("a process after the end of the one that hung", begins_again).await.unwrap();
    for id in program.node().read("begun").lines() {
        let _ = kill_process(Pid::from_raw(id.parse().unwrap()).unwrap(), Signal::KILL);
    }
}

#[tokio::test]
async fn a_hundred_megabytes_are_stopped_and_not_kept() {
    let (node, _harbor) = node(20.0).await;
    let program = node.crictl_program("head -c 100000000 /dev/zero").start().unwrap();
    let images = program.images().await.unwrap();
    assert_says(only_node_error(&images, 2), &["printed more than 16777216 bytes and was stopped"]);
    let peak = program.peak_memory().unwrap();
    assert!(peak < 100_000, "{peak} kB");
}

#[tokio::test]
async fn a_table_with_more_columns_is_read() {
    let (node, _harbor) = node(5.0).await;
    let node = node.file("table", include_str!("../fixtures/wide-table.txt"));
    let program = node.crictl_program("[ \"$*\" = images ] || exit 1; cat table").start().unwrap();
    let images = program.images().await.unwrap();
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
    let (node, _harbor) = node(5.0).await;
    let program = node.script("sudo", include_str!("../fixtures/sudo-table-only.sh")).start_as_nobody().unwrap();
    for _ in 0..2 {
        assert_eq!(node_rows(&program.images().await.unwrap()).len(), 1);
    }
    let asked = program.node().read("asked");
    assert_eq!(asked.lines().collect::<Vec<_>>(), ["-n crictl images -o json", "-n crictl images", "-n crictl images"]);
}

#[tokio::test]
async fn an_edit_of_the_ignore_file_counts_from_the_next_request_on() {
    let (program, _harbor) = start("cat images.json").await;
    let rows = async || node_rows(&program.images().await.unwrap()).len();
    assert_eq!(rows().await, 2);
    program.node().ignore("IMAGE,TAG,IMAGE ID,SIZE\na,1,a24bb4013296f,7B\n").unwrap();
    assert_eq!(rows().await, 1);
    std::fs::remove_file(program.node().path("images_to_ignore.txt")).unwrap();
    assert_eq!(rows().await, 2);
}
