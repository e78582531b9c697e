//! `cargo xtask`: builds, composes, tests and lints; nothing else knows how.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command's output")]

mod bench;
mod build;
mod executables;
mod fuzz;
mod instructions;
mod lint;
mod run;
mod sbom;
mod soak;
mod steps;
mod test;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::Path;
use std::time::Duration;

/// Builds, tests and lints Image Service. Each task ends with how long its steps took.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the components (target/components), the compositions (target/compositions) and the release program
    /// (target/release/image-service).
    Build,
    /// Builds the program as it is put on machines, optimised as a whole (target/shipped/image-service).
    Ship,
    /// Builds the components (target/components) and the compositions (target/compositions) only.
    Compose,
    /// Builds everything and serves sample data on 127.0.0.1:5375.
    Demo,
    /// Builds everything and serves this node; further arguments go to `image-service serve`.
    Serve {
        /// Arguments of `image-service serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds everything and runs all tests, or those of some areas.
    Test {
        /// An area: all unit tests of the packages that have this in their name (harbor, http, image-service), and the
        /// end-to-end tests that have it in theirs (cache, metrics).
        areas: Vec<String>,
    },
    /// Builds everything as it is put on machines and measures it against references; prints a table of ratios.
    Bench {
        /// Which part: listing, serving, scaling, logic or starting, all of which are measured where there is none; parts
        /// (the pure logic, by criterion); or instructions (by valgrind, compared with bench/instructions.json).
        part: Option<String>,
        /// Records the instructions that were counted.
        #[arg(long)]
        record: bool,
    },
    /// Checks formatting, layers, circles between modules, and clippy.
    Lint {
        /// One part of it; all where there is none.
        part: Option<lint::Part>,
    },
    /// Runs the program under load while everything around it goes wrong; fails where anything leaked.
    Soak {
        /// For how long, the first of them to get warm.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..))]
        minutes: u64,
    },
    /// Feeds whatever is read from outside with inputs that find new ways through it.
    Fuzz {
        /// One target, a file's name in fuzz/fuzz_targets; all where there is none.
        target: Option<String>,
        /// How long each runs.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent folder")?;
    std::env::set_current_dir(root)?;
    let outcome = run(Arguments::parse().task);
    steps::report();
    outcome
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Build => build::build(),
        Task::Ship => build::ship(false),
        Task::Compose => build::compositions(),
        Task::Demo => serve(&["--demo".to_owned()]),
        Task::Serve { arguments } => serve(&arguments),
        Task::Test { areas } => test::test(&areas),
        Task::Bench { part, record } => bench::bench(part.as_deref(), record),
        Task::Lint { part } => lint::lint(part),
        Task::Soak { minutes } => soak::soak(minutes),
        Task::Fuzz { target, minutes } => fuzz::fuzz(target.as_deref(), Duration::from_secs(60 * minutes)),
    }
}

fn serve(arguments: &[String]) -> Result<()> {
    build::build()?;
    run::replace_by("image-service", ["serve"].into_iter().chain(arguments.iter().map(String::as_str)))
}
