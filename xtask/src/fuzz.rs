//! `cargo xtask fuzz`: builds the fuzz targets with the toolchain that builds everything else, and runs them.
//!
//! libFuzzer needs counters in the code, and every rustc can add them. Only sanitizers need a nightly rustc, and safe
//! code needs no sanitizers.

use crate::run::{cargo_with, run, target};
use crate::steps::{self, step};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The flags of `cargo fuzz`: counters for each edge and the operands of comparisons. Every overflow is a bug, and a
/// panic names its line.
const RUSTFLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Dwarnings",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Cdebuginfo=line-tables-only",
];

/// The workspace's profile, in place of the one that fuzz/Cargo.toml has for `cargo fuzz`. So build scripts and
/// procedural macros, which do not use the flags, are shared with the workspace.
const PROFILE: [&str; 5] = [
    "--config=Cargo.toml",
    "--config=profile.release.opt-level=2",
    "--config=profile.release.debug=false",
    "--config=profile.release.debug-assertions=false",
    "--config=profile.release.overflow-checks=false",
];

/// Runs one target, or each target, for this long. Its findings are in target/fuzz/NAME.
pub(crate) fn fuzz(only: Option<&str>, each: Duration) -> Result<()> {
    let names = names()?;
    if let Some(only) = only
        && !names.iter().any(|name| name == only)
    {
        bail!("there is no fuzz target {only:?}, but {}", names.join(", "));
    }
    step(steps::BUILD_FUZZ, build)?;
    let mut wanted = names.iter().filter(|name| only.is_none_or(|only| *name == only));
    step(steps::FUZZ, || wanted.try_for_each(|name| run_one(name, each)))
}

/// The targets, from their files.
fn names() -> Result<Vec<String>> {
    let files = std::fs::read_dir("fuzz/fuzz_targets").context("reading fuzz/fuzz_targets")?;
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.ok()?.file_name().to_str()?.strip_suffix(".rs")?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// Builds with `--target`, so that build scripts and procedural macros do not get the flags.
fn build() -> Result<()> {
    let host = crate::run::host()?;
    let package = ["--release", "--locked", "--manifest-path=fuzz/Cargo.toml", "--target-dir=target", "--bins"];
    let arguments = [&["build", "--target", &host], &package[..], &PROFILE].concat();
    cargo_with(&arguments, &[("CARGO_ENCODED_RUSTFLAGS", &RUSTFLAGS.join("\u{1f}"))])
}

fn run_one(name: &str, duration: Duration) -> Result<()> {
    let own = std::path::absolute(target().join("fuzz").join(name))?;
    let corpus = own.join("corpus");
    std::fs::create_dir_all(&corpus)?;
    println!("fuzz: {name} for {} s", duration.as_secs());
    let mut command = Command::new(target().join(crate::run::host()?).join("release").join(name));
    // libFuzzer writes new inputs to the first folder, and only reads the second one.
    command.arg(&corpus).arg(Path::new("fuzz/seeds").join(name));
    command.arg(format!("-max_total_time={}", duration.as_secs())).arg(format!("-artifact_prefix={}/", own.display()));
    command.args(["-timeout=20", "-rss_limit_mb=1024", "-verbosity=0", "-print_final_stats=0"]);
    run(&mut command).with_context(|| {
        format!(
            "the fuzz target {name} found a bug; its input is in {}. Give that file to the program to run it again",
            own.display()
        )
    })
}
