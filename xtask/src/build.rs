//! `cargo xtask build`, `ship` and `compose`: the components, their compositions, and the program.

use crate::run::{cargo, native, run, target, write_if_changed};
use crate::sbom;
use crate::steps::{self, step};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
/// The profile of the program for installation.
const SHIPPED: &str = "shipped";

/// Components are small and run for each request, so cargo optimises them as much as it can. They use the profile `release`,
/// so that cargo compiles the procedural macros once for the components and the program.
const OPTIMISED: [&str; 6] = [
    "--config=profile.release.opt-level=3",
    "--config=profile.release.codegen-units=1",
    "--config=profile.release.incremental=false",
    "--release",
    "--target",
    TARGET,
];

/// Builds everything that the program embeds, and the program.
pub(crate) fn build() -> Result<()> {
    parts()?;
    step(steps::PROGRAM, || native(&["build", "--bin", "image-service"]))
}

/// Builds the program for installation, and the bench `with_bench`: a comparison is fair only when cargo optimises both sides
/// in the same way.
pub(crate) fn ship(with_bench: bool) -> Result<()> {
    parts()?;
    let bench: &[&str] = if with_bench { &["--bin", "bench"] } else { &[] };
    let program = ["build", "--profile", SHIPPED, "--workspace", "--bin", "image-service"];
    step(steps::SHIPPED, || cargo(&[&program, bench].concat()))
}

/// The path of a program for installation.
pub(crate) fn shipped(program: &str) -> Result<PathBuf> {
    Ok(std::path::absolute(target().join(SHIPPED).join(program))?)
}

/// Builds everything that the program embeds.
pub(crate) fn parts() -> Result<()> {
    step(steps::COMPONENTS, components)?;
    // One call of cargo, so that no core waits for the other's last crate.
    step(steps::HOST, || native(&["build", "--bin", "compose", "--bin", "precompile"]))?;
    step(steps::COMPOSE, compose)?;
    step(steps::PRECOMPILE, || run(Command::new(built("precompile")).arg(compositions_folder())))?;
    step(steps::SBOM, || sbom::write(&component_names()?))
}

/// Builds the components and composes them.
pub(crate) fn compositions() -> Result<()> {
    step(steps::COMPONENTS, components)?;
    step(steps::HOST, || native(&["build", "--bin", "compose"]))?;
    step(steps::COMPOSE, compose)
}

fn components() -> Result<()> {
    guests(&component_names()?, &components_folder())
}

fn compose() -> Result<()> {
    run(Command::new(built("compose")).arg(components_folder()).arg(compositions_folder()))
}

fn components_folder() -> PathBuf {
    target().join("components")
}

fn compositions_folder() -> PathBuf {
    target().join("compositions")
}

/// The path of a program of the workspace.
fn built(program: &str) -> PathBuf {
    target().join("release").join(program)
}

/// The components, one folder each.
fn component_names() -> Result<Vec<String>> {
    packages_in("components")
}

/// Builds the components that only tests and benches use.
pub(crate) fn test_components() -> Result<()> {
    step(steps::TEST_COMPONENTS, || {
        guests(&packages_in("tests/components")?, &target().join("test-components"))?;
        example("build", &[])?;
        put("registry", &target().join("examples"))
    })
}

/// The names of the folders in this one that are packages.
fn packages_in(folder: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {folder}"))?;
    let packages = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut names: Vec<String> = packages.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Builds components of the workspace into `folder`.
fn guests(names: &[String], folder: &Path) -> Result<()> {
    add_target()?;
    let packages = names.iter().flat_map(|component| ["--package", component]);
    cargo(&[&["build"], &OPTIMISED[..], &packages.collect::<Vec<_>>()].concat())?;
    names.iter().try_for_each(|component| put(component, folder))
}

/// Puts a component that cargo built into `folder`.
fn put(component: &str, folder: &Path) -> Result<()> {
    let built = target().join(TARGET).join("release").join(component.replace('-', "_")).with_extension("wasm");
    let bytes = std::fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
    std::fs::create_dir_all(folder)?;
    write_if_changed(&folder.join(component).with_extension("wasm"), &bytes)
}

/// Runs cargo for the example, which is no part of the workspace. It uses the workspace's profile, so that it shares the
/// dependencies of the components. In its own profile, which its readers use, cargo would compile all of them again.
pub(crate) fn example(command: &str, further: &[&str]) -> Result<()> {
    let manifest = ["--manifest-path=examples/registry/Cargo.toml", "--locked", "--target-dir=target"];
    let profile = ["--config=Cargo.toml", "--config=profile.release.panic=\"unwind\""];
    cargo(&[&[command], &manifest[..], &profile, &OPTIMISED, further].concat())
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
