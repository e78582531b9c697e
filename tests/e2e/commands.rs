//! The commands `list` and `check`, as an operator or a script runs them.

use image_service_tests::{Harbor, Node, Program, Version};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const ONE_IMAGE: &str = r#"echo '{"images":[{"id":"sha256:a24bb4013296f61e89ba57005a7b3e52274d8edd3ae2077d04395f806b63d83e","repoTags":["k8s.gcr.io/kube-proxy:v1.23.5"],"size":"117000000"}]}'"#;

/// Runs the program to its end, off the threads that the Harbor double runs on.
async fn run(arguments: &[&str], config: Option<&Path>) -> Output {
    let mut command = Command::new(Program::path());
    command.args(arguments);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A node whose crictl is this shell script, and a Harbor with one image where `harbor` is one.
fn node(script: &str, harbor: Option<&Harbor>) -> Node {
    let crictl = json!({"mode": "exec", "command": ["sh", "-c", script]});
    match harbor {
        Some(harbor) => Node::with_harbor(crictl, harbor).unwrap(),
        None => Node::new(crictl).unwrap(),
    }
}

async fn harbor() -> Harbor {
    Harbor::of(Version::V2_12).repository("library/nginx", 2).start().await.unwrap()
}

#[tokio::test]
async fn list_prints_two_tables_aligned_as_crictls() {
    let output = run(&["list", "--demo"], None).await;
    assert_eq!(text(&output.stdout), include_str!("commands/list-demo.txt"));
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
}

#[tokio::test]
async fn list_as_json_prints_the_bytes_that_get_images_answers() {
    let served = Program::start(&["--demo"], None).unwrap().get("/images").await.unwrap().bytes().await.unwrap();
    let listed = run(&["list", "--demo", "--output", "json"], None).await;
    assert_eq!(text(&listed.stdout), text(&served));
}

#[tokio::test]
async fn list_as_csv_has_one_row_an_image() {
    let output = run(&["list", "--demo", "--output", "csv"], None).await;
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines[0], "source,project,repository,tag,image_id,digest,size");
    assert_eq!(lines.len(), 1 + 7 + 5);
    assert!(lines.contains(&"containerd,,registry.k8s.io/kube-proxy,v1.31.2,505d571f5fd55,,30.2MB"));
}

#[tokio::test]
async fn list_prints_what_arrived_says_what_failed_and_exits_with_1() {
    let harbor = harbor().await;
    let node = node("echo no runtime >&2; exit 3", Some(&harbor));
    let output = run(&["list", "--output", "csv"], Some(&node.config())).await;
    assert_eq!(text(&output.stdout).lines().filter(|line| line.starts_with("harbor,library,nginx,")).count(), 2);
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("image-service: containerd: ") && stderr.contains("no runtime"), "{stderr}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn list_without_any_harbor_tells_but_does_not_fail() {
    let output = run(&["list", "--output", "json"], Some(&node(ONE_IMAGE, None).config())).await;
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["containerd_images"][0]["image_id"], "a24bb4013296f");
    assert_eq!(text(&output.stderr), "image-service: harbor: Harbor configuration incomplete\n");
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn list_ends_quietly_when_its_reader_has_read_enough() {
    let mut child =
        Command::new(Program::path()).args(["list", "--demo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut stderr).unwrap();
    assert_eq!((stderr.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}

#[tokio::test]
async fn check_says_what_works_in_a_sentence_each() {
    let harbor = harbor().await;
    let node = node(ONE_IMAGE, Some(&harbor));
    node.ignore("IMAGE,TAG,IMAGE ID,SIZE\n").unwrap();
    let output = run(&["check"], Some(&node.config())).await;
    let stdout = text(&output.stdout);
    for sentence in [
        format!("ok       config       {} is read\n", node.config().display()),
        format!("ok       containerd   1 image, asked over `sh -c {ONE_IMAGE}`\n"),
        format!("ok       ignore file  {}/images_to_ignore.txt is read; it leaves 1 row\n", node.path().display()),
        format!("ok       harbor       2 rows of all projects from {} as robot$ci\n", harbor.url),
        "warning  harbor       the password travels unencrypted".to_owned(),
    ] {
        assert!(stdout.contains(&sentence), "{sentence}\nis not in\n{stdout}");
    }
    assert!(!stdout.contains("s3cret"), "{stdout}");
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
}

#[tokio::test]
async fn check_names_each_failure_and_what_to_change_and_exits_with_1() {
    let node = Node::new(json!({"mode": "exec", "command": ["/nonexistent/crictl"], "tiemout": 3})).unwrap();
    node.ignore("IMAGE ID\nlatest\n").unwrap();
    let output = run(&["check"], Some(&node.config())).await;
    let stdout = text(&output.stdout);
    for part in [
        "warning  config       ",
        "crictl_config.tiemout",
        "failed   containerd   `/nonexistent/crictl` can't be run: /nonexistent/crictl is not installed; install it",
        "images_to_ignore.txt:2: skipped: \"latest\" is no image id",
        "off      harbor       not configured; set harbor_config.url, user and password",
    ] {
        assert!(stdout.contains(part), "{part}\nis not in\n{stdout}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn check_names_the_keys_that_a_half_configured_harbor_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let text_of_config = json!({
        "crictl_config": {"mode": "exec", "command": ["sh", "-c", ONE_IMAGE]},
        "harbor_config": {"url": "https://harbor.example.com"},
    });
    std::fs::write(&config, text_of_config.to_string()).unwrap();
    let output = run(&["check"], Some(&config)).await;
    let stdout = text(&output.stdout);
    assert!(stdout.contains("failed   harbor       not asked, as harbor_config lacks user and password"), "{stdout}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_config_that_cannot_be_read_ends_every_command_with_2() {
    for command in ["serve", "list", "check"] {
        let output = run(&[command], Some(Path::new("/nonexistent/config.json"))).await;
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("image-service: config file /nonexistent/config.json can't be read"), "{stderr}");
        assert_eq!(output.status.code(), Some(2), "{command}");
    }
}

#[tokio::test]
async fn help_names_each_command_and_shows_the_first_steps() {
    let output = run(&["--help"], None).await;
    let help = text(&output.stdout);
    for part in ["serve", "list", "check", "image-service serve --demo", "curl http://127.0.0.1:5375/images"] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
    let version = run(&["--version"], None).await;
    assert_eq!(text(&version.stdout), concat!("image-service ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[tokio::test]
async fn warnings_go_to_the_log_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let app = json!({"log_file": "logs/app.log", "log_max_bytes": 100_000, "log_backup_count": 2, "unknown": 1});
    std::fs::write(&config, json!({"app_config": app}).to_string()).unwrap();
    let program = Program::start(&["--config", config.to_str().unwrap()], None).unwrap();
    assert_eq!(program.terminate().unwrap().code(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("logs/app.log")).unwrap();
    assert!(log.contains("WARN") && log.contains("app_config.unknown"), "{log}");
}
