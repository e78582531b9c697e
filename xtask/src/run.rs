//! Runs cargo and other programs, and writes files that the build reads.
//!
//! Callers name the fields of cargo's output that they read. The crate cargo_metadata has all of them, but it and five more
//! crates would be compiled before any build begins: 3 s for a dozen fields.

use crate::steps;
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The folder of all builds. It is always this one, because the program, spin.toml and the docs name it.
pub(crate) fn target() -> &'static Path {
    Path::new("target")
}

/// Writes a file that the program embeds. An unchanged file keeps its time, so that cargo does not build the program again.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).ok().as_deref() == Some(bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Runs cargo.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    cargo_with(arguments, &[])
}

/// Runs cargo with these variables.
pub(crate) fn cargo_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    run(cargo_command().args(arguments).envs(variables.iter().copied()))
}

/// The command cargo, without the variables that would change what it builds or where.
pub(crate) fn cargo_command() -> Command {
    let mut command = Command::new("cargo");
    for elsewhere in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        command.env_remove(elsewhere);
    }
    // `cargo run` sets these variables for this program. Other packages must not see them: cargo would build some of them
    // (ring) again at each change.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// Replaces this process by a release program, so that signals reach it.
pub(crate) fn replace_by<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<()> {
    become_command(Command::new(target().join("release").join(program)).args(arguments))
}

/// Replaces this process by a command, after the report of the steps before it.
pub(crate) fn become_command(command: &mut Command) -> Result<()> {
    steps::report();
    let program = command.get_program().to_owned();
    Err(command.exec()).with_context(|| format!("running {}", program.display()))
}

/// Runs cargo for this machine.
pub(crate) fn native(arguments: &[&str]) -> Result<()> {
    cargo(&native_arguments(arguments)?)
}

/// Cargo's arguments for this machine. They always name the whole workspace, so that dependencies have the same features
/// in the program and in its tests, and cargo compiles wasmtime once.
pub(crate) fn native_arguments<'a>(arguments: &[&'a str]) -> Result<Vec<&'a str>> {
    let (command, rest) = arguments.split_first().context("a cargo command")?;
    Ok([&[*command, "--release", "--workspace"], rest].concat())
}

/// Runs a command. A failure of the command is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("running {program}"))?;
    if !status.success() {
        bail!("{program} failed ({status})");
    }
    Ok(())
}

/// The output of `cargo metadata` with these arguments.
pub(crate) fn metadata<T: DeserializeOwned>(arguments: &[&str]) -> Result<T> {
    let mut command = cargo_command();
    command.args(["metadata", "--format-version", "1"]).args(arguments);
    let output = command.output().context("running cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("reading the output of cargo metadata")
}

/// This machine, as rustc names it.
pub(crate) fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("running rustc -vV")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    Ok(host.to_owned())
}
