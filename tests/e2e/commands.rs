//! What all commands have in common: help, exit codes and warnings.

use crate::listing::assert_says;
use image_service_tests::{Node, command, run};
use serde_json::json;
use std::process::Command;

#[tokio::test]
async fn a_config_that_cannot_be_read_ends_every_command_with_2() {
    for command in ["serve", "list", "check"] {
        let output = run(&[command, "--config", "/nonexistent/config.json"]).await.unwrap();
        let stderr = &output.stderr;
        assert!(stderr.starts_with("image-service: config file /nonexistent/config.json can't be read"), "{stderr}");
        assert_eq!(output.code, Some(2), "{command}");
    }
}

#[tokio::test]
async fn help_names_each_command_and_shows_the_first_steps() {
    let output = run(&["--help"]).await.unwrap();
    let first_steps = ["image-service serve --demo", "curl http://127.0.0.1:5375/images"];
    assert_says(&output.stdout, &[&["serve", "list", "check"], &first_steps[..]].concat());
    let version = run(&["--version"]).await.unwrap();
    assert_eq!(version.stdout, concat!("image-service ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[tokio::test]
async fn warnings_go_to_the_log_file_too() {
    let app = json!({"log_file": "logs/app.log", "log_max_bytes": 100_000, "log_backup_count": 2, "unknown": 1});
    let mut program = Node::builder().config(json!({"app_config": app})).start().unwrap();
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    assert_says(&program.node().read("logs/app.log"), &["WARN", "app_config.unknown"]);
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_a_reader_that_left_is_none() {
    let program = command::command();
    let program = program.get_program().to_str().unwrap();
    let run = async |arguments: &str, to: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{program} {arguments} {to}")]);
        command::run_command(shell).await.unwrap()
    };
    for arguments in
        ["list --demo", "compare --demo", "sbom", "check --config /nonexistent.json", "inspect /nonexistent"]
    {
        let full = run(arguments, ">/dev/full").await;
        assert_eq!(full.code, Some(2), "{arguments}: {full:?}");
        if !arguments.contains("nonexistent") {
            assert_says(&full.stderr, &["image-service: writing the answer: No space left on device"]);
        }
        // Nobody can be told, and the rows and the exit code are as ever.
        let (told, untold) = (run(arguments, "").await, run(arguments, "2>/dev/full").await);
        assert_eq!((told.code, told.stdout), (untold.code, untold.stdout), "{arguments}");
    }
    let left = run("sbom", "| head -c 10").await;
    assert_eq!((left.stdout.len(), left.stderr.as_str()), (10, ""));
}
