//! Tests of the lint against arithmetic on times that panics. Clippy does that lint, as Cargo.toml and clippy.toml set it.

use crate::run::cargo_command;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Ways to panic over a time from outside.
const REFUSED: [&str; 23] = [
    "instant + duration",
    "instant - duration",
    "instant - earlier",
    "Instant::now() + Duration::from_secs(number)",
    "time + duration",
    "time - duration",
    "SystemTime::UNIX_EPOCH + duration",
    "duration + limit",
    "duration - limit",
    "duration * factor",
    "factor * duration",
    "duration / factor",
    "{ let mut sum = duration; sum += limit; sum }",
    "{ let mut later = instant; later += duration; later }",
    "Duration::from_secs_f64(number as f64)",
    "Duration::from_secs_f32(number as f32)",
    "Some(number as f64).map(Duration::from_secs_f64)",
    "Duration::from_mins(number)",
    "Duration::from_hours(number)",
    "duration.mul_f64(number as f64)",
    "duration.div_f64(number as f64)",
    "std::ops::Add::add(instant, duration)",
    "instant.add(duration)",
];

/// The forms in their place, and arithmetic on numbers.
const ALLOWED: [&str; 10] = [
    "instant.checked_add(duration)",
    "instant.duration_since(earlier)",
    "time.checked_add(duration)",
    "duration.saturating_add(limit)",
    "duration.saturating_mul(factor)",
    "duration.checked_div(factor)",
    "Duration::try_from_secs_f64(number as f64)",
    "Duration::from_secs(number)",
    "number * 60 + u64::from(factor)",
    "{ let mut sum = number; sum += 1; -(sum as i64) }",
];

/// One line of cargo's messages.
#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    code: Option<Code>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    line_start: usize,
}

/// The lints of the workspace, as its manifest has them.
fn workspace_lints(manifest: &str) -> &str {
    let begin = manifest.find("[workspace.lints.clippy]").unwrap();
    let end = manifest[begin..].find("\n[").unwrap();
    &manifest[begin..begin + end]
}

/// The expressions that clippy refuses with the settings of this project.
fn refused(expressions: &[&'static str]) -> BTreeSet<&'static str> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let package = "[package]\nname = \"times\"\nedition = \"2024\"\n[lints]\nworkspace = true\n[workspace]\n";
    std::fs::write(folder.path().join("Cargo.toml"), format!("{package}{}", workspace_lints(&manifest))).unwrap();
    // The number of a line is the index of its expression.
    let mut text = "#![allow(unused)] use std::{ops::Add, time::{Duration, Instant, SystemTime}};".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let _ = write!(
            text,
            "\nfn f{number}(instant: Instant, earlier: Instant, time: SystemTime, duration: Duration, limit: Duration, \
             number: u64, factor: u32) {{ let _ = {expression}; }}"
        );
    }
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), text).unwrap();
    let output = cargo_command()
        .args(["clippy", "--offline", "--message-format=json", "--manifest-path"])
        .arg(folder.path().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.path().join("target"))
        .current_dir(root)
        .env("CLIPPY_CONF_DIR", root)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("error"), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let messages = stdout.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()?.message);
    let of_times = messages.filter(|message| {
        let lints = ["clippy::arithmetic_side_effects", "clippy::disallowed_methods"];
        message.code.as_ref().is_some_and(|code| lints.contains(&code.code.as_str()))
    });
    of_times.map(|message| expressions[message.spans[0].line_start - 2]).collect()
}

#[test]
fn clippy_refuses_arithmetic_on_times_that_panics_and_no_other() {
    let all: Vec<&str> = REFUSED.into_iter().chain(ALLOWED).collect();
    assert_eq!(refused(&all), BTreeSet::from(REFUSED));
}
