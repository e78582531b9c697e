//! `cargo xtask bench instructions`: counts the instructions of the pure logic and of one request, and compares them with the
//! recorded counts.

use crate::benchmarks::cargo_bench;
use crate::build::build;
use crate::executables::executables;
use crate::steps::{self, step};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const RECORDED: &str = "bench/instructions.json";
/// The largest allowed growth over the recorded counts, in per cent.
const MAX_GROWTH: u64 = 10;

/// Instructions by the name of the benchmark.
type Counts = BTreeMap<String, u64>;

/// Counts the instructions, and prints the change. Fails where a count has grown by more than [`MAX_GROWTH`]. With
/// `record`, records the counts instead.
pub(crate) fn instructions(record: bool) -> Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    ensure!(
        valgrind.is_ok_and(|output| output.status.success()),
        "valgrind is missing; install Debian's package valgrind"
    );
    build()?;
    let counts = step(steps::INSTRUCTIONS, counted)?;
    if record {
        std::fs::write(RECORDED, serde_json::to_string_pretty(&counts)? + "\n")?;
        println!("{RECORDED} has the new counts");
        return Ok(());
    }
    let text = std::fs::read_to_string(RECORDED).with_context(|| format!("reading {RECORDED}"))?;
    let recorded = serde_json::from_str(&text).with_context(|| format!("reading {RECORDED}"))?;
    println!("{}", table(&recorded, &counts));
    let regressions = regressions(&recorded, &counts);
    if !regressions.is_empty() {
        bail!(
            "more than {MAX_GROWTH} % above the recorded count, or without one: {}; if that is intended, record the new counts by \
             `cargo xtask bench instructions --record`",
            regressions.join(", ")
        );
    }
    Ok(())
}

fn counted() -> Result<Counts> {
    let program = program()?;
    let names = Command::new(&program).output().context("asking for the benchmarks' names")?;
    let names = String::from_utf8(names.stdout)?;
    ensure!(!names.is_empty(), "{} has no benchmarks", program.display());
    // Each benchmark runs on one core, and its count does not depend on other load.
    std::thread::scope(|scope| {
        let runs: Vec<_> = names.lines().map(|name| (name, scope.spawn(|| instructions_of(&program, name)))).collect();
        let counts = runs.into_iter().map(|(name, run)| {
            let count = run.join().map_err(|_| anyhow!("counting {name} panicked"))?;
            Ok((name.to_owned(), count.with_context(|| format!("counting {name}"))?))
        });
        counts.collect()
    })
}

/// Builds the benchmarks.
fn program() -> Result<PathBuf> {
    let built = executables(cargo_bench("instructions")?.arg("--no-run"))?;
    let benchmarks = built.into_iter().find(|built| built.target == "instructions");
    Ok(benchmarks.context("cargo built no benchmarks")?.path)
}

/// Counts the instructions of one benchmark, in its function `counted`.
fn instructions_of(program: &Path, name: &str) -> Result<u64> {
    // With `RUST_BACKTRACE`, each error costs tens of thousands of instructions.
    let output = Command::new("valgrind")
        .env_remove("RUST_BACKTRACE")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=instructions::counted*")
        .arg(program)
        .arg(name)
        .output()
        .context("running valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed ({}): {said}", output.status);
    collected(&said).with_context(|| format!("valgrind says no count: {said}"))
}

/// The number in the line `==1234== Collected : 5678`.
fn collected(said: &str) -> Option<u64> {
    let count = said.lines().find_map(|line| line.split_once("Collected :"))?.1;
    count.trim().parse().ok().filter(|count| *count > 0)
}

/// Per cent of change.
fn change(recorded: u64, now: u64) -> f64 {
    (now as f64 / recorded as f64 - 1.0) * 100.0
}

/// The counts, beside the recorded ones.
fn table(recorded: &Counts, counts: &Counts) -> String {
    let mut text = "| benchmark | recorded | now | change |\n|---|---|---|---|".to_owned();
    for (name, now) in counts {
        let (before, change) = match recorded.get(name) {
            Some(before) => (before.to_string(), format!("{:+.1} %", change(*before, *now))),
            None => ("none".to_owned(), "new".to_owned()),
        };
        text.push_str(&format!("\n| {} | {before} | {now} | {change} |", name.replace('_', " ")));
    }
    text
}

/// The names of benchmarks that have grown too much, have no recorded count, or are recorded and were not counted.
fn regressions(recorded: &Counts, counts: &Counts) -> Vec<String> {
    let too_much = |(name, now): (&String, &u64)| match recorded.get(name) {
        Some(before) => now * 100 > before * (100 + MAX_GROWTH),
        None => true,
    };
    let regressions = counts.iter().filter(|pair| too_much(*pair)).map(|(name, _)| name.clone());
    let missing = recorded.keys().filter(|name| !counts.contains_key(*name));
    regressions.chain(missing.map(|name| format!("{name} (not counted)"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn growth_of_a_tenth_is_allowed_and_more_is_named() {
        let recorded = counts(&[("steady", 1000), ("grown", 1000), ("shrunk", 1000)]);
        let now = counts(&[("steady", 1100), ("grown", 1101), ("shrunk", 1)]);
        assert_eq!(regressions(&recorded, &now), ["grown"]);
        assert!(table(&recorded, &now).contains("| grown | 1000 | 1101 | +10.1 % |"));
    }

    #[test]
    fn valgrinds_count_is_read_and_zero_is_no_count() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 349002\n"), Some(349_002));
        assert_eq!(collected("==7== Collected : 0\n"), None);
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn benchmarks_without_a_recorded_or_a_new_count_are_named() {
        assert_eq!(regressions(&counts(&[("old", 1)]), &counts(&[("new", 1)])), ["new", "old (not counted)"]);
    }
}
