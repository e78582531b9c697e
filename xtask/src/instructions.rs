//! `cargo xtask bench instructions`: instructions of the pure logic and of one request, against those that are recorded.

use crate::build::build;
use crate::run::{cargo_with, target};
use crate::tools;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that the library of the same name in bench/Cargo.toml asks for.
const RUNNER: &str = "0.20.0";
const RECORDED: &str = "bench/instructions.json";
/// How much more than recorded is too much, in per cent.
const ALLOWED: u64 = 10;

/// Instructions by the names of what was run.
type Counts = BTreeMap<String, u64>;

/// Counts, and prints the change; fails where there are more than a tenth more. With `record`, the counts are the new
/// recorded ones.
pub(crate) fn instructions(record: bool) -> Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    ensure!(
        valgrind.is_ok_and(|output| output.status.success()),
        "valgrind is missing; install Debian's package valgrind"
    );
    build()?;
    let runner = tools::from_crates_io("gungraun-runner", RUNNER)?;
    let counts = counted(&runner)?;
    if record {
        std::fs::write(RECORDED, serde_json::to_string_pretty(&counts)? + "\n")?;
        println!("{RECORDED} has the new counts");
        return Ok(());
    }
    let text = std::fs::read_to_string(RECORDED).with_context(|| format!("reading {RECORDED}"))?;
    let recorded = serde_json::from_str(&text).with_context(|| format!("reading {RECORDED}"))?;
    println!("{}", table(&recorded, &counts));
    let grown = grown(&recorded, &counts);
    if !grown.is_empty() {
        bail!(
            "more than {ALLOWED} % above what is recorded, or not recorded at all: {}; where that is meant to be, record it \
             by `cargo xtask bench instructions --record`",
            grown.join(", ")
        );
    }
    Ok(())
}

fn counted(runner: &Path) -> Result<Counts> {
    let results = target().join("gungraun");
    if results.exists() {
        std::fs::remove_dir_all(&results)?;
    }
    let runner = runner.to_str().context("a path in text")?;
    let arguments =
        ["bench", "--profile", "release", "--workspace", "--bench", "instructions", "--", "--save-summary=json"];
    cargo_with(&arguments, &[("GUNGRAUN_RUNNER", runner)])?;
    let mut counts = Counts::new();
    for path in summaries(&results)? {
        let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let name = summary["function_name"].as_str();
        let count = summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"].as_u64();
        let (name, count) = name.zip(count).with_context(|| format!("{} has no count", path.display()))?;
        counts.insert(name.to_owned(), count);
    }
    ensure!(!counts.is_empty(), "nothing was counted in {}", results.display());
    Ok(counts)
}

fn summaries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(summaries(&path)?);
        } else if path.ends_with("summary.json") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Per cent of change.
fn change(recorded: u64, now: u64) -> f64 {
    (now as f64 / recorded as f64 - 1.0) * 100.0
}

/// What was counted, beside what is recorded.
fn table(recorded: &Counts, counts: &Counts) -> String {
    let mut text = "| what | recorded | now | change |\n|---|---|---|---|".to_owned();
    for (name, now) in counts {
        let (before, change) = match recorded.get(name) {
            Some(before) => (before.to_string(), format!("{:+.1} %", change(*before, *now))),
            None => ("none".to_owned(), "new".to_owned()),
        };
        text.push_str(&format!("\n| {} | {before} | {now} | {change} |", name.replace('_', " ")));
    }
    text
}

/// What has grown too much, or has no recorded count; and what is recorded and was not counted.
fn grown(recorded: &Counts, counts: &Counts) -> Vec<String> {
    let too_much = |(name, now): (&String, &u64)| match recorded.get(name) {
        Some(before) => now * 100 > before * (100 + ALLOWED),
        None => true,
    };
    let grown = counts.iter().filter(|pair| too_much(*pair)).map(|(name, _)| name.clone());
    let missing = recorded.keys().filter(|name| !counts.contains_key(*name));
    grown.chain(missing.map(|name| format!("{name} (not counted)"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn a_tenth_more_is_allowed_and_what_is_more_is_named() {
        let recorded = counts(&[("steady", 1000), ("grown", 1000), ("shrunk", 1000)]);
        let now = counts(&[("steady", 1100), ("grown", 1101), ("shrunk", 1)]);
        assert_eq!(grown(&recorded, &now), ["grown"]);
        assert!(table(&recorded, &now).contains("| grown | 1000 | 1101 | +10.1 % |"));
    }

    #[test]
    fn what_is_not_recorded_and_what_is_not_counted_any_more_are_named() {
        assert_eq!(grown(&counts(&[("old", 1)]), &counts(&[("new", 1)])), ["new", "old (not counted)"]);
    }
}
