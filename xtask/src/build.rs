//! `cargo xtask build`, `ship` and `compose`: the components, what is composed of them, and the program.

use crate::run::{cargo, native, run, target, write_news};
use crate::sbom;
use anyhow::{Context, Result, bail};
use image_service_compositions::compose::compose_file;
use image_service_compositions::environments::{COMPONENTS, ENVIRONMENTS, Environment};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
/// The profile of the program that is put on machines.
const SHIPPED: &str = "shipped";

/// Components that only tests and benches use, in tests/components.
const TEST_COMPONENTS: &[&str] = &[
    "escapes",
    "hello",
    "made-up-node",
    "made-up-registry",
    "misbehaving",
    "opens-sockets",
    "picky-filter",
    "reads-files",
    "wasi-0-2",
];

/// Builds all that the release program is made of, and the program.
pub(crate) fn build() -> Result<()> {
    parts()?;
    native(&["build", "--bin", "image-service"])
}

/// Builds the program as it is put on machines, and the bench where that is asked for: a comparison is fair only when both
/// sides are optimised alike.
pub(crate) fn ship(with_bench: bool) -> Result<()> {
    parts()?;
    let bench: &[&str] = if with_bench { &["--bin", "bench"] } else { &[] };
    cargo(&[&["build", "--profile", SHIPPED, "--workspace", "--bin", "image-service"], bench].concat())
}

/// A program as it is put on machines.
pub(crate) fn shipped(program: &str) -> Result<PathBuf> {
    Ok(std::path::absolute(target().join(SHIPPED).join(program))?)
}

/// Builds all that the program is made of.
fn parts() -> Result<()> {
    compositions()?;
    precompile()?;
    sbom::write()
}

/// Makes machine code of the compositions, with the engine of the program that embeds it.
pub(crate) fn precompile() -> Result<()> {
    native(&["build", "--bin", "precompile"])?;
    let program = target().join("release/precompile");
    let built_in = ENVIRONMENTS.iter().filter(|environment| environment.built_in);
    let compositions =
        built_in.map(|environment| target().join("compositions").join(environment.name).with_extension("wasm"));
    run(Command::new(program).args(compositions))
}

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
        let component = std::fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
        write_news(&to, &component)?;
    }
    Ok(())
}

/// Builds the components that only tests and benches use.
pub(crate) fn test_components() -> Result<()> {
    components(TEST_COMPONENTS, &target().join("test-components"))
}

/// Cargo's arguments for the example, which is no part of the workspace.
const EXAMPLE: [&str; 5] =
    ["--manifest-path=examples/registry/Cargo.toml", "--release", "--locked", "--target", TARGET];

/// Runs cargo for the example.
pub(crate) fn example(arguments: &[&str], further: &[&str]) -> Result<()> {
    let folder = format!("--target-dir={}", target().join("examples").display());
    cargo(&[arguments, &EXAMPLE, &[&folder], further].concat())
}

/// Builds the components and composes them.
pub(crate) fn compositions() -> Result<()> {
    let components_folder = target().join("components");
    components(COMPONENTS, &components_folder)?;
    let compositions = target().join("compositions");
    std::fs::create_dir_all(&compositions)?;
    for Environment { name, grants, .. } in ENVIRONMENTS {
        let wac = Path::new("compositions").join(name).with_extension("wac");
        let composition = compose_file(&wac, &components_folder, grants)?;
        write_news(&compositions.join(name).with_extension("wasm"), &composition)?;
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
