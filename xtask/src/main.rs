//! `cargo xtask`: the only place that knows how to build, compose, test and lint.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command's output")]

mod bench;
mod benchmarks;
mod build;
mod executables;
mod fuzz;
mod instructions;
mod lint;
mod page;
mod run;
mod sbom;
mod soak;
mod steps;
mod test;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Builds, tests and lints Image Service. Each task prints the time of its steps at its end.
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
    /// Builds the program for installation, with optimisation across all crates (target/shipped/image-service).
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
        /// A word such as harbor, http or cache. It selects the unit tests of packages with this word in their name, and the
        /// end-to-end tests with this word in theirs.
        areas: Vec<String>,
    },
    /// Builds everything for installation and measures it against references; prints a table of ratios.
    Bench {
        /// One part: listing, serving, scaling, logic or starting [default: all five]; parts (the pure logic, by
        /// criterion); or instructions (by valgrind, compared with bench/instructions.json).
        part: Option<String>,
        /// Records the counted instructions.
        #[arg(long)]
        record: bool,
    },
    /// Builds the page at GET / with Node (page/), into components/page/assets, which is committed. Nothing else needs Node.
    Page {
        /// Builds it again and compares it with what is committed.
        #[arg(long)]
        check: bool,
    },
    /// Checks formatting, layers, circles between modules, and clippy.
    Lint {
        /// One part [default: all].
        part: Option<lint::Part>,
    },
    /// Runs the program under load while its sources and clients fail; it must not leak.
    Soak {
        /// How long to run. The first minute is the warm-up.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..))]
        minutes: u64,
    },
    /// Runs the fuzz targets on everything that reads input from outside.
    Fuzz {
        /// One target, the name of a file in fuzz/fuzz_targets [default: all].
        target: Option<String>,
        /// How long each target runs.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
}

#[allow(clippy::print_stderr, reason = "why a task failed")]
fn main() -> ExitCode {
    let outcome = in_root().and_then(|()| run(Arguments::parse().task));
    steps::report();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Where a task failed, a backtrace of this program tells nothing.
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Goes to the folder of the repository, which all paths start from.
fn in_root() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent folder")?;
    std::env::set_current_dir(root).with_context(|| format!("going to {}", root.display()))
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
        Task::Page { check } => page::page(check),
        Task::Lint { part } => lint::lint(part),
        Task::Soak { minutes } => soak::soak(minutes),
        Task::Fuzz { target, minutes } => {
            fuzz::fuzz(target.as_deref(), Duration::from_secs(minutes.saturating_mul(60)))
        }
    }
}

fn serve(arguments: &[String]) -> Result<()> {
    build::build()?;
    run::replace_by("image-service", ["serve"].into_iter().chain(arguments.iter().map(String::as_str)))
}
