//! The store: `cache_config.state_dir`, what happens to its file, and hosts that have no store.

use crate::inspect::inspect;
use crate::listing::{assert_rows, assert_says, errors, harbor_rows, names, node_rows, numbered, only_error};
use crate::stale_if_error::{Sources, all_rows, assert_none, assert_stale, sources, whole};
use image_service_tests::{Node, Program, command, eventually, repository};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The program's words for a file that is not as it wrote it.
const SET_ASIDE: &str = "so the host set it aside as ";

/// A `cache_config` with a folder.
fn on_disk() -> Value {
    json!({"stale_if_error": 60, "state_dir": "state"})
}

/// The store's file on this node.
fn file(node: &Node) -> PathBuf {
    node.path("state").join("store.redb")
}

/// Asserts that Harbor's rows are the last good ones.
async fn assert_kept(program: &Program) {
    let images = program.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 504");
    assert_rows(&images, &all_rows());
}

#[tokio::test]
async fn a_file_that_is_no_store_is_set_aside_with_a_warning_and_a_new_one_begins() {
    let sources = sources(on_disk()).await;
    whole(&sources.node.start().unwrap()).await;
    let good = std::fs::read(file(&sources.node)).unwrap();
    let cases = [
        ("zeros", vec![0; good.len()]),
        ("truncated", good[..good.len() / 3].to_vec()),
        ("another format", b"image-service snapshot 1\n".repeat(2000)),
        ("damaged", good.chunks(512).flat_map(|part| [&[part[0] ^ 1], &part[1..]].concat()).collect()),
    ];
    for (what, content) in cases {
        std::fs::write(file(&sources.node), &content).unwrap();
        sources.break_harbor();
        let program = sources.node.start().unwrap();
        for _ in 0..3 {
            assert_none(&program.images().await.unwrap());
        }
        assert_eq!(program.log().matches(SET_ASIDE).count(), 1, "{what}: {}", program.log());
        program.await_sample("image_service_store_files_set_aside_total", 1.0).await.unwrap();
        assert_says(&program.log(), &["/state/store.redb can't be used", "/state/store.redb.damaged"]);
        let aside = std::fs::read(sources.node.path("state/store.redb.damaged")).unwrap();
        // redb writes the present length into a file that is cut short, before it finds that more is missing.
        assert!(aside == content || (what == "truncated" && aside.len() == content.len()), "{what}");
        sources.mend_harbor();
        whole(&program).await;
        sources.break_harbor();
        assert_kept(&program).await;
        sources.mend_harbor();
    }
}

#[tokio::test]
async fn a_second_program_on_the_same_folder_says_so_and_keeps_rows_in_memory() {
    let sources = sources(on_disk()).await;
    let first = sources.node.start().unwrap();
    whole(&first).await;
    let second = sources.node.start().unwrap();
    whole(&second).await;
    second.await_log("can't be opened (another process uses it), so the host keeps rows in memory").await.unwrap();
    sources.break_harbor();
    assert_kept(&second).await;
    assert_kept(&first).await;
}

#[tokio::test]
async fn a_program_that_is_killed_while_it_keeps_rows_starts_again_with_rows_that_were_whole() {
    let sources = sources(on_disk()).await;
    let (mut pushed, mut kept) = (0, 3);
    whole(&sources.node.start().unwrap()).await;
    for round in 0..10 {
        let program = sources.node.start().unwrap();
        let listings = async {
            loop {
                sources.harbor.push("a/c").await;
                pushed += 1;
                // Its end is that of the program.
                if program.images().await.is_err() {
                    return;
                }
            }
        };
        // A moment while the program lists, or writes, or neither: the time is no wait for something.
        let moment = tokio::time::sleep(Duration::from_millis(fastrand::u64(5..150)));
        tokio::select! { () = listings => {}, () = moment => {} }
        // It ends as by SIGKILL.
        drop(program);

        sources.break_harbor();
        let again = sources.node.start().unwrap();
        let images = again.images().await.unwrap();
        assert_stale(&images, "harbor", "Harbor answered 504");
        let rows = names(&images);
        // Each listing has one row more: these are of the one that was kept before this round, or of one in it.
        let of_c = rows.len() - 250;
        assert!((kept..=3 + pushed).contains(&of_c), "round {round}: {of_c} rows, of {kept} to {}", 3 + pushed);
        kept = of_c;
        assert_eq!(rows[..250], numbered("a/b", 250));
        assert_eq!(rows.iter().filter(|row| row.starts_with("a/c:")).count(), of_c);
        assert!(!again.log().contains(SET_ASIDE), "round {round}: {}", again.log());
        sources.mend_harbor();
    }
}

/// A file system of so many bytes in a folder, until it is dropped.
pub(crate) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` where this user may mount none.
    pub(crate) fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).output();
    }
}

/// Keeps a small listing, then one that has no room, and then shows the rows of the small one.
async fn assert_a_full_disk_keeps_what_it_has(sources: &Sources, program: &Program, said: &str) {
    whole(program).await;
    for _ in 0..40 {
        sources.harbor.push("a/c").await;
    }
    // Two megabytes of rows, more than the file can take.
    sources.node.write("images.json", many_images(8000, 100)).unwrap();
    let images = program.images().await.unwrap();
    assert_eq!(images["errors"], json!([]));
    program.await_log(said).await.unwrap();
    assert_says(&program.log(), &["the host does not keep the rows of containerd: "]);
    sources.break_harbor();
    let images = program.images().await.unwrap();
    assert_stale(&images, "harbor", "Harbor answered 504");
    assert!(harbor_rows(&images).len() >= 253, "{}", harbor_rows(&images).len());
}

/// crictl's JSON of a node with so many images, whose names are as long as this and more.
fn many_images(count: usize, length: usize) -> String {
    let image = |number: usize| {
        let name = format!("registry.example.com/{}/app-{number}:v1", "x".repeat(length));
        json!({"id": format!("sha256:{number:064}"), "repoTags": [name], "repoDigests": [], "size": "7"})
    };
    json!({"images": (0..count).map(image).collect::<Vec<Value>>()}).to_string()
}

#[tokio::test]
async fn a_disk_without_room_keeps_what_it_has_and_the_listing_is_whole() {
    let sources = sources(on_disk()).await;
    let folder = sources.node.path("state");
    // The next test is for users who may mount none.
    let Some(_disk) = SmallDisk::mount(&folder, "1m") else { return };
    let program = sources.node.start().unwrap();
    assert_a_full_disk_keeps_what_it_has(&sources, &program, "can't grow: No space left on device").await;
}

#[tokio::test]
async fn a_process_that_may_not_write_larger_files_keeps_what_it_has_and_the_listing_is_whole() {
    let sources = sources(on_disk()).await;
    // A signal that the shell ignores is ignored by the program, too.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""]).arg(command::command().get_program());
    limited.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(sources.node.config_file());
    let program = sources.node.spawn(limited).unwrap();
    assert_a_full_disk_keeps_what_it_has(&sources, &program, "can't grow: File too large").await;
}

#[tokio::test]
async fn rows_beyond_the_bound_of_memory_are_not_kept_and_the_log_names_its_key() {
    let sources = sources(json!({"stale_if_error": 60, "max_store_memory": 30_000})).await;
    let program = sources.node.start().unwrap();
    whole(&program).await;
    program.await_log("the host does not keep the rows of harbor: a name of the store would take").await.unwrap();
    assert_says(&program.log(), &["raise cache_config.max_store_memory"]);
    sources.break_harbor();
    assert_none(&program.images().await.unwrap());
}

#[tokio::test]
async fn rows_that_need_several_commits_are_kept_as_a_whole() {
    let sources = sources(on_disk()).await;
    // 9 MB of rows, where a commit has 8 MiB at most.
    sources.node.write("images.json", many_images(8000, 1000)).unwrap();
    let program = sources.node.start().unwrap();
    let good = program.images().await.unwrap();
    assert_eq!((node_rows(&good).len(), &good["errors"]), (8000, &json!([])));
    // The next rows take the place of these.
    program.images().await.unwrap();
    sources.break_node();
    // The rows of the node are kept after its answer.
    eventually("kept rows", async || gives_kept_rows(&program, &good).await).await.unwrap();
    assert!(!program.log().contains("does not keep"), "{}", program.log());
    drop(program);
    assert!(gives_kept_rows(&sources.node.start().unwrap(), &good).await);
}

/// Whether the program shows the rows of this listing for a node that fails.
async fn gives_kept_rows(program: &Program, good: &Value) -> bool {
    let images = program.images().await.unwrap();
    let age = errors(&images).get(1).is_some_and(|(_, error)| error.starts_with("the rows are those of "));
    age && node_rows(&images) == node_rows(good)
}

#[tokio::test]
async fn without_a_store_the_rows_of_a_failing_source_are_not_there_and_the_log_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let wac = std::fs::read_to_string(repository("compositions/native-stale-if-error.wac")).unwrap();
    let wac = wac.replace("image-service:stale-if-error {", "image-service:stale-if-error { store: store.store,");
    let with_store = "let store = new image-service:store-none { ... };\nlet harbor = new image-service:harbor { store: store.store,";
    let wac = wac.replace("let harbor = new image-service:harbor {", with_store);
    let (file, composed) = (folder.path().join("none.wac"), folder.path().join("none.wasm"));
    std::fs::write(&file, wac).unwrap();
    let mut compose = command::command();
    compose.arg("compose").arg(&file).arg("-o").arg(&composed);
    let outcome = command::run_command(compose).await.unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(inspect(&composed).await["capabilities"]["state"], json!([]));

    let sources = sources(json!({"stale_if_error": 60})).await;
    sources.node.configure(json!({"composition": composed})).unwrap();
    let program = sources.node.start().unwrap();
    whole(&program).await;
    let said = "the host does not keep the rows of harbor: this platform keeps nothing for components";
    program.await_log(said).await.unwrap();
    sources.break_harbor();
    let images = program.images().await.unwrap();
    assert_says(only_error(&images), &["Harbor answered 504"]);
    assert_none(&images);
}
