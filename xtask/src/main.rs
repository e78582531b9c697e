//! `cargo xtask`: builds, composes, tests and lints; nothing else knows how.

#![allow(clippy::print_stdout, reason = "a command's output")]

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use image_service_compositions::compose::compose_file;
use image_service_compositions::environments::{COMPONENTS, ENVIRONMENTS, Environment};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds, tests and lints Image Service.
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
    /// Builds everything and runs all tests.
    Test,
    /// Builds everything and measures it against references; prints a table of ratios.
    Bench {
        /// Which part: listing, serving or starting; all of them where there is none.
        part: Option<String>,
    },
    /// Checks formatting and clippy, warnings denied.
    Lint,
}

const TARGET: &str = "wasm32-wasip2";

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent folder")?;
    std::env::set_current_dir(root)?;
    match Arguments::parse().task {
        Task::Build => build(),
        Task::Compose => compositions(),
        Task::Demo => serve(&["--demo".to_owned()]),
        Task::Serve { arguments } => serve(&arguments),
        Task::Test => test(),
        Task::Bench { part } => bench(part.as_deref()),
        Task::Lint => lint(),
    }
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(arguments);
    // What `cargo run` told this program about itself is none of the packages' business, and some (ring) would be built
    // again whenever it changes.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    let status = command.status().context("running cargo")?;
    if !status.success() {
        bail!("cargo {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

fn serve(arguments: &[String]) -> Result<()> {
    build()?;
    replace_by("image-service", ["serve"].into_iter().chain(arguments.iter().map(String::as_str)))
}

/// Becomes a release program, so that signals reach it.
fn replace_by<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let program = target().join("release").join(program);
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("running {}", program.display()))
}

fn build() -> Result<()> {
    compositions()?;
    precompile()?;
    native(&["build", "--bin", "image-service"])
}

/// Runs cargo for this machine. The whole workspace is always named: dependencies then have the same features in the
/// program as in its tests, and wasmtime is compiled once.
fn native(arguments: &[&str]) -> Result<()> {
    let (command, rest) = arguments.split_first().context("a cargo command")?;
    cargo(&[&[*command, "--release", "--workspace"], rest].concat())
}

/// Makes machine code of the compositions, with the engine of the program that embeds it.
fn precompile() -> Result<()> {
    native(&["build", "--bin", "precompile"])?;
    let program = target().join("release/precompile");
    let built_in = ENVIRONMENTS.iter().filter(|environment| environment.built_in);
    let compositions =
        built_in.map(|environment| target().join("compositions").join(environment.name).with_extension("wasm"));
    let status =
        Command::new(&program).args(compositions).status().with_context(|| format!("running {}", program.display()))?;
    if !status.success() {
        bail!("{} failed ({status})", program.display());
    }
    Ok(())
}

/// Components that only tests and benches use, in tests/components.
const TEST_COMPONENTS: &[&str] = &["hello", "misbehaving", "opens-sockets", "picky-filter", "reads-files", "wasi-0-2"];

/// Builds components of the workspace into `folder`.
fn components(names: &[&str], folder: &Path) -> Result<()> {
    add_target()?;
    let mut arguments = vec!["build", "--target", TARGET, "--profile", "guest"];
    arguments.extend(names.iter().flat_map(|component| ["--package", component]));
    cargo(&arguments)?;
    std::fs::create_dir_all(folder)?;
    for component in names {
        let built = target().join(TARGET).join("guest").join(component.replace('-', "_")).with_extension("wasm");
        let to = folder.join(component).with_extension("wasm");
        std::fs::copy(&built, &to).with_context(|| format!("copying {} to {}", built.display(), to.display()))?;
    }
    Ok(())
}

fn test_components() -> Result<()> {
    components(TEST_COMPONENTS, &target().join("test-components"))
}

/// Cargo's arguments for the example, which is no part of the workspace.
const EXAMPLE: [&str; 5] =
    ["--manifest-path=examples/registry/Cargo.toml", "--release", "--locked", "--target", TARGET];

/// Runs cargo for the example.
fn example(arguments: &[&str], further: &[&str]) -> Result<()> {
    let folder = format!("--target-dir={}", target().join("examples").display());
    cargo(&[arguments, &EXAMPLE, &[&folder], further].concat())
}

/// Builds the components and composes them.
fn compositions() -> Result<()> {
    let components_folder = target().join("components");
    components(COMPONENTS, &components_folder)?;
    let compositions = target().join("compositions");
    std::fs::create_dir_all(&compositions)?;
    for Environment { name, grants, .. } in ENVIRONMENTS {
        let wac = Path::new("compositions").join(name).with_extension("wac");
        let composition = compose_file(&wac, &components_folder, grants)?;
        std::fs::write(compositions.join(name).with_extension("wasm"), composition)?;
    }
    Ok(())
}

/// Adds the guests' target where it is missing.
fn add_target() -> Result<()> {
    let libraries = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output()?;
    if Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).exists() {
        return Ok(());
    }
    let status = Command::new("rustup").args(["target", "add", TARGET]).status();
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        bail!("the target {TARGET} is missing and `rustup target add {TARGET}` failed; install it for this toolchain");
    }
    Ok(())
}

fn test() -> Result<()> {
    build()?;
    test_components()?;
    example(&["build"], &[])?;
    // `--lib`: a component's own library can't be linked for this machine, its unit tests can.
    native(&["test", "--lib", "--bins"])?;
    native(&["test", "--test", "*"])
}

fn bench(part: Option<&str>) -> Result<()> {
    build()?;
    test_components()?;
    native(&["build", "--bin", "bench"])?;
    replace_by("bench", part)
}

fn lint() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    compositions()?;
    precompile()?;
    native(&["clippy", "--all-targets", "--", "-D", "warnings"])?;
    cargo(&["fmt", "--manifest-path=examples/registry/Cargo.toml", "--check"])?;
    example(&["clippy"], &["--", "-D", "warnings"])
}
