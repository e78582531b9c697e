//! Disks that stop answering, as a network file system does whose server is gone: what the program does without them.

use crate::listing::{assert_rows, assert_says, errors, node_rows};
use crate::operators_files::{assert_ends, status, three_images};
use crate::stale_if_error::{all_rows, assert_stale, sources, whole};
use http::Method;
use image_service_tests::{DEADLINE, Node, Program, command, eventually};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs the program after a part of a script that makes a disk of the folder `mount` in a namespace of its own. Only root can.
fn on_disk(node: &Node, script: &str) -> Option<Program> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let script = format!("cd \"$1\"\n{script}\nexec \"$0\" serve --listen 127.0.0.1:0 --config config.json");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(command::command().get_program()).arg(node.folder());
    Some(node.spawn(command).unwrap())
}

/// Runs the program with a folder `mount` whose files can't be looked up once there is the file `hang`, until there is `mend`: a file
/// system in user space without a program that serves it.
fn on_hanging_disk(node: &Node) -> Option<Program> {
    if !Path::new("/dev/fuse").exists() {
        return None;
    }
    let script = r"
        (
            while [ ! -e hang ]; do kill -0 $$ || exit; sleep 0.05; done
            exec 9<>/dev/fuse
            mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 hanging mount && touch hanging
            while [ ! -e mend ]; do kill -0 $$ || exit; sleep 0.05; done
            umount --lazy mount
        ) </dev/null >/dev/null 2>mount.log &
    ";
    on_disk(node, script)
}

/// Runs the program with a folder `mount` on a disk of its own, which takes no writes once there is the file `hang`, until there is
/// `mend`, or for a minute: a process that waits for a disk can't even be killed.
fn on_freezing_disk(node: &Node) -> Option<Program> {
    const DISK: &str = "truncate -s 64M disk && mkfs.ext4 -q disk && mount -o loop disk mount";
    let mut tried = Command::new("unshare");
    tried.args(["--mount", "sh", "-c", DISK]).current_dir(node.folder());
    // Without root, a loop device or ext4's tools.
    if !tried.output().is_ok_and(|tried| tried.status.success()) {
        return None;
    }
    let script = r"
        (
            while [ ! -e hang ]; do kill -0 $$ || exit; sleep 0.05; done
            fsfreeze --freeze mount && touch hanging
            tries=0
            while [ ! -e mend ] && [ $tries -lt 1200 ]; do tries=$((tries + 1)); sleep 0.05; done
            fsfreeze --unfreeze mount
        ) </dev/null >/dev/null 2>mount.log &
    ";
    on_disk(node, &format!("{DISK} || exit 1\n{script}"))
}

async fn hang(node: &Node) {
    node.write("hang", "").unwrap();
    eventually("a disk that hangs", async || node.path("hanging").exists()).await.unwrap();
}

fn threads(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap().count()
}

#[tokio::test]
async fn a_file_system_that_stops_answering_holds_up_neither_answers_nor_reloads_nor_the_end() {
    let config = json!({
        "access_config": {"token_file": "mount/tokens"},
        "crictl_config": {"ignore_file_path": "mount/ignore.txt"},
        "cache_config": {"lifetime": 60},
    });
    let node = three_images(config).build().unwrap();
    std::fs::create_dir(node.path("mount")).unwrap();
    node.write("mount/tokens", "token-of-the-test").unwrap();
    node.write("mount/ignore.txt", "IMAGE,TAG\napp,v00001\n").unwrap();
    let Some(mut program) = on_hanging_disk(&node) else { return };
    assert_eq!(status(&program, "/images", "token-of-the-test").await, 200);
    hang(&node).await;
    let begun = Instant::now();
    let headers = [("authorization", "Bearer token-of-the-test"), ("cache-control", "no-cache")];
    let mut asked = 0;
    let both = ["tokens", "ignore.txt can't be read ("].map(|what| {
        let why = "it did not answer within 5 s; is its file system reachable?";
        (what, why)
    });
    let is_said =
        |log: &str| both.iter().all(|(what, why)| log.lines().any(|line| line.contains(what) && line.contains(why)));
    while begun.elapsed() < Duration::from_secs(9) || !is_said(&program.log()) {
        assert!(begun.elapsed() < DEADLINE, "{}", program.log());
        let one = Instant::now();
        let images: Value = program.request(Method::GET, "/images", &headers).await.unwrap().json().await.unwrap();
        assert_eq!(node_rows(&images).len(), 2, "what was read before stays");
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
        assert!(one.elapsed() < Duration::from_secs(4), "{:?}", one.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(asked > 50, "{asked}");
    // One thread a file, however often it is looked at.
    let hanging = threads(&program);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(threads(&program) <= hanging, "{hanging} threads, then {}", threads(&program));
    for (what, why) in both {
        let lines = program.log().lines().filter(|line| line.contains(what) && line.contains(why)).count();
        assert_eq!(lines, 1, "{what}: {}", program.log());
    }
    // A reload that needs the file fails, and the next one counts.
    program.reload_in_vain().await.unwrap();
    node.configure(json!({"access_config": {"token_file": null}, "crictl_config": {"ignore_file_path": null}}))
        .unwrap();
    program.reload().await.unwrap();
    assert_eq!(node_rows(&program.images().await.unwrap()).len(), 3);
    assert_ends(&mut program).await;
}

#[tokio::test]
async fn a_file_that_answers_again_counts_again() {
    let config = json!({"access_config": {"token_file": "mount/tokens"}});
    let node = three_images(config).build().unwrap();
    std::fs::create_dir(node.path("mount")).unwrap();
    node.write("mount/tokens", "token-of-the-test").unwrap();
    let Some(mut program) = on_hanging_disk(&node) else { return };
    node.write("hang", "").unwrap();
    program.await_log("it did not answer within 5 s").await.unwrap();
    assert_eq!(status(&program, "/images", "token-of-the-test").await, 200);
    node.write("mount/tokens", "another-token-of-the-test").unwrap();
    node.write("mend", "").unwrap();
    let counts = async || status(&program, "/images", "another-token-of-the-test").await == 200;
    eventually("the new token", counts).await.unwrap();
    assert_ends(&mut program).await;
}

#[tokio::test]
async fn crictl_on_a_disk_that_stops_answering_is_an_error_of_the_node_only_and_costs_one_thread() {
    let node =
        three_images(json!({"crictl_config": {"command": ["{node}/mount/crictl"], "timeout": 1}})).build().unwrap();
    std::fs::create_dir(node.path("mount")).unwrap();
    node.write("mount/crictl", format!("#!/bin/sh\ncat {}\n", node.path("images.json").display())).unwrap();
    std::fs::set_permissions(node.path("mount/crictl"), PermissionsExt::from_mode(0o755)).unwrap();
    let Some(mut program) = on_hanging_disk(&node) else { return };
    assert_eq!(node_rows(&program.images().await.unwrap()).len(), 3);
    hang(&node).await;
    let begun = threads(&program);
    for _ in 0..5 {
        let one = Instant::now();
        let images = program.images().await.unwrap();
        let said = ["the start of /", "/mount/crictl hangs for ", "so no other one is begun; is its disk reachable"];
        let errors = errors(&images);
        assert_says(errors.iter().find(|(source, _)| *source == "containerd").unwrap().1, &said);
        assert!(one.elapsed() < Duration::from_secs(4), "{:?}", one.elapsed());
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    }
    assert!(threads(&program) <= begun + 2, "{begun} threads, then {}", threads(&program));
    node.write("mend", "").unwrap();
    let is_back = async || program.images().await.is_ok_and(|images| node_rows(&images).len() == 3);
    eventually("the disk answers again", is_back).await.unwrap();
    assert_ends(&mut program).await;
}

#[tokio::test]
async fn a_disk_of_the_store_that_stops_answering_costs_one_wait_and_its_rows_go_to_memory() {
    let sources = sources(json!({"stale_if_error": 600, "state_dir": "mount/state"})).await;
    let node = &sources.node;
    std::fs::create_dir(node.path("mount")).unwrap();
    let Some(mut program) = on_freezing_disk(node) else { return };
    whole(&program).await;
    hang(node).await;
    let before = threads(&program);
    let one = Instant::now();
    assert_rows(&program.images().await.unwrap(), &all_rows());
    assert!(one.elapsed() < Duration::from_secs(25), "{:?}", one.elapsed());
    let said = "mount/state/store.redb did not answer within 10 s, so the host keeps rows in memory until it does";
    program.await_log(said).await.unwrap();
    for _ in 0..20 {
        let one = Instant::now();
        whole(&program).await;
        assert!(one.elapsed() < Duration::from_secs(4), "{:?}", one.elapsed());
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    }
    assert!(threads(&program) <= before + 8, "{before} threads, then {}", threads(&program));
    sources.break_harbor();
    let images = program.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 504");
    assert_rows(&images, &all_rows());
    assert_eq!(program.log().matches(said).count(), 1, "{}", program.log());
    sources.mend_harbor();
    node.write("mend", "").unwrap();
    program.await_log("mount/state/store.redb again").await.unwrap();
    whole(&program).await;
    assert_ends(&mut program).await;
}
