//! What an operator's files can do: none of them hangs the program, fills its memory, or lets somebody in for ever.

use crate::listener_tls::clients_are_served_for_a_minute_after_their_authority_is_gone;
use crate::listing::{assert_says, node_rows};
use http::Method;
use image_service_tests::{Node, NodeBuilder, Program, command, composition, eventually, numbered_images};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How much memory a file may cost, in kilobytes.
const MEMORY: u64 = 48 * 1024;
const SPARSE_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// What can stand in a file's place and is none that can be read to its end.
const IMPOSTORS: [&str; 5] = ["a pipe", "a device", "a folder", "a socket", "a sparse file"];

/// Puts one of them in the place of a file.
fn replace(path: &Path, by: &str) {
    remove(path);
    match by {
        "a pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "a device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "a folder" => std::fs::create_dir(path).unwrap(),
        "a socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        _ => std::fs::File::create(path).unwrap().set_len(SPARSE_BYTES).unwrap(),
    }
}

fn remove(path: &Path) {
    if path.is_dir() {
        std::fs::remove_dir(path).unwrap();
    } else {
        let _ = std::fs::remove_file(path);
    }
}

/// A node with three images and what is in `more` of the configuration.
pub(crate) fn three_images(more: Value) -> NodeBuilder {
    Node::builder().images(numbered_images(3)).config(more)
}

pub(crate) async fn status(program: &Program, path: &str, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    program.request(Method::GET, path, &[("authorization", &authorization)]).await.unwrap().status().as_u16()
}

/// Sends SIGTERM, and asserts that the program ends at once and well.
pub(crate) async fn assert_ends(program: &mut Program) {
    let begun = Instant::now();
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_ignore_file_that_is_no_file_changes_nothing_and_the_next_one_counts() {
    for impostor in IMPOSTORS {
        for lifetime in [0, 60] {
            let cache = json!({"cache_config": {"lifetime": lifetime}});
            let node = three_images(cache).ignore("IMAGE,TAG\napp,v00001\n").build().unwrap();
            let mut program = node.start().unwrap();
            assert_eq!(node_rows(&program.images().await.unwrap()).len(), 2);
            replace(&node.path("images_to_ignore.txt"), impostor);
            let asked = (0..200).map(|_| async { node_rows(&program.images().await.unwrap()).len() });
            let rows = futures::future::join_all(asked).await;
            assert!(rows.into_iter().all(|rows| rows == 2), "{impostor}");
            assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
            program.await_log("images_to_ignore.txt can't be read (it ").await.unwrap();
            // Two looks in the background repeat nothing.
            tokio::time::sleep(Duration::from_millis(2200)).await;
            let log = program.log();
            assert_eq!(log.matches("images_to_ignore.txt can't be read").count(), 1, "{impostor}: {log}");
            assert_says(&log, &["so what was read of it before stays in use"]);
            remove(&node.path("images_to_ignore.txt"));
            node.ignore("IMAGE,TAG\napp,v0000*\n").unwrap();
            let none = async || node_rows(&program.images().await.unwrap()).is_empty();
            eventually("the next file", none).await.unwrap();
            assert_ends(&mut program).await;
        }
    }
}

#[tokio::test]
async fn what_an_ignore_file_holds_never_fills_the_memory() {
    for impostor in ["a device", "a sparse file"] {
        let node = three_images(json!({})).ignore("").build().unwrap();
        let program = node.start().unwrap();
        program.images().await.unwrap();
        let before = program.peak_memory().unwrap();
        replace(&node.path("images_to_ignore.txt"), impostor);
        for _ in 0..20 {
            program.images().await.unwrap();
        }
        program.await_log("images_to_ignore.txt can't be read").await.unwrap();
        let after = program.peak_memory().unwrap();
        assert!(after < before + MEMORY, "{impostor}: {before} kB before, {after} kB after");
    }
}

#[tokio::test]
async fn an_ignore_file_that_is_the_null_device_names_no_image_and_is_no_mistake() {
    let node = three_images(json!({})).build().unwrap();
    std::os::unix::fs::symlink("/dev/null", node.path("images_to_ignore.txt")).unwrap();
    let program = node.start().unwrap();
    assert_eq!(node_rows(&program.images().await.unwrap()).len(), 3);
    assert!(!program.log().contains("images_to_ignore"), "{}", program.log());
    let checked = node.run(&["check"]).await.unwrap();
    assert_says(&checked.stdout, &["ok       ignore file  ", "is read; it leaves 3 rows"]);
    let named = json!({"crictl_config": {"ignore_file_path": "/dev/null"}});
    let output = three_images(named).build().unwrap().run(&["list"]).await.unwrap();
    assert_eq!((output.stdout.lines().count(), output.stderr.contains("warning: /dev/null")), (4, false), "{output:?}");
}

#[tokio::test]
async fn a_config_that_is_no_file_fails_its_reload_at_once_and_the_next_reload_counts() {
    let node = three_images(json!({})).build().unwrap();
    let mut program = node.start().unwrap();
    for impostor in IMPOSTORS {
        let config = node.read("config.json");
        replace(&node.config_file(), impostor);
        program.reload_in_vain().await.unwrap();
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
        remove(&node.config_file());
        node.write("config.json", config).unwrap();
        program.reload().await.unwrap();
    }
    assert_says(
        &program.log(),
        &["config.json can't be read; check the path and its permissions: it is a pipe, and no "],
    );
    assert_eq!(node_rows(&program.images().await.unwrap()).len(), 3);
    assert_ends(&mut program).await;
}

#[tokio::test]
async fn a_token_file_that_is_no_file_is_one_line_in_the_log_and_its_successor_counts() {
    let access = json!({"access_config": {"token_file": "tokens"}});
    let node = three_images(access).file("tokens", "token-number-0-of-the-test").build().unwrap();
    let mut program = node.start().unwrap();
    for (number, impostor) in IMPOSTORS.into_iter().enumerate() {
        let old = format!("token-number-{number}-of-the-test");
        replace(&node.path("tokens"), impostor);
        let said =
            if impostor == "a sparse file" { "tokens can't be read: it has" } else { "tokens can't be read: it is" };
        let lines = program.log().matches(said).count();
        let logged = async || program.log().matches(said).count() > lines;
        eventually(impostor, logged).await.unwrap();
        assert_eq!(status(&program, "/images", &old).await, 200, "what was read before stays: {impostor}");
        remove(&node.path("tokens"));
        let new = format!("token-number-{}-of-the-test", number + 1);
        node.write("tokens", &new).unwrap();
        eventually(impostor, async || status(&program, "/images", &new).await == 200).await.unwrap();
        assert_eq!(status(&program, "/images", &old).await, 401);
    }
    assert_eq!(program.log().matches("tokens can't be read").count(), IMPOSTORS.len(), "{}", program.log());
    assert_ends(&mut program).await;
}

/// The sentence that a token file or a list of authorities is gone, and the one when its time is over.
const WITHDRAWN: &str = "what it granted stays valid for 60 s, and then ends";
const ENDED: &str = "has granted nothing for 60 s, so all that it granted has ended";

#[tokio::test]
async fn what_a_file_granted_ends_a_minute_after_it_is_emptied_or_deleted_and_counts_again_with_it() {
    let certificates = clients_are_served_for_a_minute_after_their_authority_is_gone();
    tokio::join!(tokens_count_for_a_minute_after_their_file_is_gone(), certificates);
}

async fn tokens_count_for_a_minute_after_their_file_is_gone() {
    let access = json!({"access_config": {"token_file": "tokens"}});
    let node = three_images(access).file("tokens", "token-for-everybody").node_api("token-for-node-api");
    let program = node.start().unwrap();
    let node = program.node();
    let both = async || {
        let api = status(&program, "/v1/crictl/images", "token-for-node-api").await;
        (status(&program, "/images", "token-for-everybody").await, api)
    };
    let begun = Instant::now();
    // Whoever writes the file anew locks nobody out.
    node.write("tokens", "# none\n").unwrap();
    std::fs::remove_file(node.path("node-api-token")).unwrap();
    let withdrawn = async || program.log().matches(WITHDRAWN).count() == 2;
    eventually("both are gone", withdrawn).await.unwrap();
    assert_eq!(both().await, (200, 200));
    while begun.elapsed() < Duration::from_secs(50) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(both().await, (200, 200), "{:?}", begun.elapsed());
    }
    eventually("their end", async || both().await == (401, 401)).await.unwrap();
    eventually("a line for each", async || program.log().matches(ENDED).count() == 2).await.unwrap();
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    node.write("tokens", "token-for-everybody").unwrap();
    node.write("node-api-token", "token-for-node-api").unwrap();
    eventually("they are back", async || both().await == (200, 200)).await.unwrap();
}

#[tokio::test]
async fn a_log_file_that_is_no_file_is_a_warning_and_the_program_runs() {
    for impostor in ["a pipe", "a device", "a folder", "a socket"] {
        let config = json!({"app_config": {"log_file": "app.log", "log_max_bytes": 10, "log_backup_count": 1}});
        let node = three_images(config).build().unwrap();
        replace(&node.path("app.log"), impostor);
        let begun = Instant::now();
        let mut program = node.start().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{impostor}: {:?}", begun.elapsed());
        assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
        let said = format!("app.log can't be written: it is {impostor}, and no regular file");
        program.await_log(&said).await.unwrap();
        assert_says(&program.log(), &["the log goes to stderr only"]);
        let checked = node.run(&["check"]).await.unwrap();
        assert_says(&checked.stdout, &["warning  log ", &format!("can't be written (it is {impostor}, ")]);
        assert_ends(&mut program).await;
    }
}

#[tokio::test]
async fn what_is_no_file_is_refused_at_the_start_with_its_key_and_what_to_do() {
    let login = json!({"url": "https://127.0.0.1:1", "user": "u", "password": "p"});
    let with = |key: &str| {
        let mut harbor = login.clone();
        harbor[key] = json!("file");
        json!({"harbor_config": harbor})
    };
    let tls = |certificate: &str, key: &str, ca: Value| json!({"access_config": {"tls_certificate": certificate, "tls_key": key, "client_ca": ca}});
    for (named, config) in [
        ("harbor_config.password_file ", with("password_file")),
        ("harbor_config.ca_file ", with("ca_file")),
        ("access_config.token_file ", json!({"access_config": {"token_file": "file"}})),
        ("node_api.token_file ", json!({"node_api": {"enabled": true, "token_file": "file"}})),
        ("access_config.tls_certificate ", tls("file", "key", Value::Null)),
        ("access_config.client_ca ", tls("crt", "key", json!("file"))),
        ("composition ", json!({"composition": "file"})),
    ] {
        let node = three_images(config).build().unwrap();
        for (impostor, why) in [
            ("a pipe", "it is a pipe, and no regular file; write the content into a file, and name that"),
            ("a device", "it is a device, and no regular file"),
            ("a sparse file", "it has 10737418240 bytes or more, and may have "),
        ] {
            replace(&node.path("file"), impostor);
            let begun = Instant::now();
            let refused = node.launch().refusal().await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(5), "{named}: {:?}", begun.elapsed());
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert_says(&refused.stderr, &[named, "/file can't be read", why]);
        }
    }
}

#[tokio::test]
async fn a_config_from_a_process_substitution_is_refused_with_what_to_do() {
    let mut shell = Command::new("bash");
    shell
        .args(["-c", "exec \"$0\" serve --listen 127.0.0.1:0 --config <(echo '{}')"])
        .arg(command::command().get_program());
    let refused = command::run_command(shell).await.unwrap();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_says(&refused.stderr, &["it is a pipe, and no regular file; write the content into a file, and name that"]);
}

#[tokio::test]
async fn the_authorities_of_a_variable_may_be_a_folder_with_anything_in_it() {
    let harbor = json!({"url": "https://127.0.0.1:1", "user": "u", "password": "p", "retries": 0});
    let node = three_images(json!({"harbor_config": harbor})).build().unwrap();
    std::fs::create_dir(node.path("authorities")).unwrap();
    for impostor in IMPOSTORS {
        replace(&node.path("authorities").join(impostor), impostor);
    }
    let launch = node.launch().variable("SSL_CERT_DIR", node.path("authorities"));
    let program = launch.variable("CURL_CA_BUNDLE", node.path("authorities/a pipe")).start().unwrap();
    assert_eq!(node_rows(&program.images().await.unwrap()).len(), 3);
    assert_says(&program.log(), &["a variable has no effect: CURL_CA_BUNDLE ", "it is a pipe"]);
}

#[tokio::test]
async fn a_state_dir_that_others_may_write_is_refused_with_the_remedy() {
    let node = three_images(json!({"cache_config": {"state_dir": "state"}})).build().unwrap();
    std::fs::create_dir(node.path("state")).unwrap();
    for (mode, shown) in [(0o777, "0777"), (0o770, "0770")] {
        node.set_mode("state", mode).unwrap();
        let remedy = format!("chmod 700 {}", node.path("state").display());
        let said = ["cache_config.state_dir ", "other users may write it", shown, &remedy];
        let refused = node.launch().refusal().await.unwrap();
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert_says(&refused.stderr, &said);
        let checked = node.run(&["check"]).await.unwrap();
        assert_eq!(checked.code, Some(2), "{checked:?}");
        assert_says(&checked.stderr, &said);
    }
    node.set_mode("state", 0o700).unwrap();
    let program = node.start().unwrap();
    node.set_mode("state", 0o707).unwrap();
    program.reload_in_vain().await.unwrap();
    assert_says(&program.log(), &["other users may write it"]);
    if rustix::process::geteuid().is_root() {
        node.set_mode("state", 0o700).unwrap();
        // The folder is root's with all rights of root, and so not of the user nobody.
        let of_root = node.path("state");
        std::fs::set_permissions(&of_root, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(&of_root, Some(4321), None).unwrap();
        assert_eq!(node.run(&["list"]).await.unwrap().code, Some(0), "root may use the folder of a service's user");
    }
}

#[tokio::test]
async fn temporary_files_of_a_killed_program_are_removed_at_the_start() {
    let node = three_images(json!({"cache_config": {"state_dir": "state"}})).build().unwrap();
    drop(node.start().unwrap());
    node.write("state/.tmpAb1Cd2", "").unwrap();
    node.write("state/mine.txt", "").unwrap();
    let program = node.start().unwrap();
    program.images().await.unwrap();
    assert!(!node.path("state/.tmpAb1Cd2").exists());
    assert!(node.path("state/mine.txt").exists());
    let names = std::fs::read_dir(node.path("state")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert!(["mine.txt", "store.redb"].iter().zip(&names).all(|(expected, name)| expected == name), "{names:?}");
}

#[tokio::test]
async fn too_few_threads_are_a_message_and_exit_code_2() {
    let node = three_images(json!({})).build().unwrap();
    for limit in [1, 2, 4] {
        let refused = node.launch().refusal_as_nobody(&format!("ulimit -u {limit}")).await.unwrap();
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert_says(&refused.stderr, &["image-service: the system lets this program start only ", "ulimit -u"]);
        assert!(!refused.stderr.contains("panicked"), "{refused:?}");
    }
}

#[tokio::test]
async fn serve_list_compare_and_check_warn_alike() {
    let harbor = json!({"url": "http://127.0.0.1:1", "user": "u", "password": "p", "retries": 0, "x": 1});
    let config = json!({"harbor_config": harbor, "cache_config": {"state_dir": "state"}});
    let node = three_images(config).build().unwrap();
    std::fs::create_dir(node.path("state")).unwrap();
    node.set_mode("state", 0o755).unwrap();
    node.set_mode("config.json", 0o644).unwrap();
    std::fs::create_dir(node.path("images_to_ignore.txt")).unwrap();
    let warnings = [
        "the key harbor_config.x is unknown",
        "the password travels unencrypted to an http:// address; use https://",
        "every user of this machine can read it (mode 0644)",
        "other users of this machine can open ",
        "images_to_ignore.txt can't be read (it is a folder, ",
    ];
    let mut said = Vec::new();
    for command in ["list", "compare", "check"] {
        let output = node.run(&[command]).await.unwrap();
        said.push((command, output.stderr + &output.stdout));
    }
    let mut program = node.start().unwrap();
    assert_ends(&mut program).await;
    said.push(("serve", program.log()));
    for (command, said) in said {
        for warning in warnings {
            assert_eq!(said.matches(warning).count(), 1, "{command}: {warning}\nin\n{said}");
        }
    }
}

#[tokio::test]
async fn lines_that_stderr_does_not_take_are_counted() {
    let node = three_images(json!({"app_config": {"log_file": "app.log"}})).build().unwrap();
    let mut to_full = Command::new("sh");
    to_full.args(["-c", "exec \"$0\" \"$@\" 2>/dev/full"]).arg(command::command().get_program());
    to_full.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(node.config_file());
    let mut program = node.spawn(to_full).unwrap();
    for _ in 0..3 {
        program.images().await.unwrap();
    }
    let lost = "image_service_log_lines_dropped_total";
    let counted = async || program.metrics().await.unwrap().get(lost) > Some(2.0);
    eventually("lost lines", counted).await.unwrap();
    assert_ends(&mut program).await;
    let log = node.read("app.log");
    let said =
        "stderr does not take lines of the log (No space left on device (os error 28)); they are lost until it does";
    assert_eq!(log.matches(said).count(), 1, "{log}");
}

#[tokio::test]
async fn lines_that_a_full_disk_does_not_take_are_counted_and_one_says_so_when_there_is_room_again() {
    let node = three_images(json!({"app_config": {"log_file": "disk/app.log"}})).build().unwrap();
    let folder = node.path("disk");
    let Some(_disk) = crate::store::SmallDisk::mount(&folder, "64k") else { return };
    let program = node.start().unwrap();
    program.images().await.unwrap();
    std::fs::write(node.path("disk/filler"), [b'x'; 64 * 1024]).unwrap_err();
    let line = "disk/app.log does not take lines of the log (No space left on device";
    let full = async || {
        program.get(&format!("/{}", "x".repeat(1000))).await.unwrap();
        program.log().contains(line)
    };
    eventually("a full disk", full).await.unwrap();
    for _ in 0..20 {
        program.get(&format!("/{}", "y".repeat(1000))).await.unwrap();
    }
    std::fs::remove_file(node.path("disk/filler")).unwrap();
    let again = async || {
        program.get("/room").await.unwrap();
        program.log().contains("disk/app.log did not take; it takes lines again")
    };
    eventually("room", again).await.unwrap();
    let log = program.log();
    assert_eq!(log.matches(line).count(), 1, "{log}");
    let lost: f64 = log.split("the log lost ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    program.await_sample("image_service_log_lines_dropped_total", lost).await.unwrap();
    // Every line of the file is whole.
    let file = node.read("disk/app.log");
    assert!(file.lines().filter(|line| line.contains("answered id=")).all(|line| line.contains("bytes=")), "{file}");
    assert!(file.contains("/room"), "{file}");
}

#[tokio::test]
async fn commands_read_only_files() {
    let node = three_images(json!({})).build().unwrap();
    let file = node.path("file");
    let path = file.to_str().unwrap();
    for impostor in ["a pipe", "a device", "a sparse file"] {
        replace(&file, impostor);
        let dependency = format!("--dep=filter={path}");
        let wac = composition("native").with_extension("wac");
        let wac = wac.to_str().unwrap();
        for arguments in [
            vec!["inspect", path],
            vec!["compose", path, "-o", "out.wasm"],
            vec!["compose", wac, &dependency, "-o", "o"],
        ] {
            let output = image_service_tests::run(&arguments).await.unwrap();
            assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
        }
    }
}
