//! Cargo's call for the benchmarks in bench/benches/, which everyday builds would leave almost without optimisation.

use crate::run::{cargo_command, metadata};
use anyhow::Result;
use serde::Deserialize;
use std::process::Command;

/// The dependencies that a request spends its time in and that everyday builds optimise little. None of them compiles
/// components: Cranelift would be built again.
const DEPENDENCIES: [&str; 14] = [
    "deranged",
    "futures-util",
    "h2",
    "hyper",
    "hyper-util",
    "prometheus",
    "time",
    "tokio",
    "tracing",
    "tracing-core",
    "wasmtime",
    "wasmtime-wasi",
    "wasmtime-wasi-http",
    "wasmtime-wasi-io",
];

/// The fields of `cargo metadata` that this file needs.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// `cargo bench` for one target of bench/benches/. It uses the profile `release`, so that cargo compiles the other crates no second
/// time.
pub(crate) fn cargo_bench(target: &str) -> Result<Command> {
    let mut command = cargo_command();
    command.args(["bench", "--profile", "release", "--workspace", "--bench", target]).env("CARGO_INCREMENTAL", "0");
    for option in optimised()? {
        command.args(["--config", &option]);
    }
    Ok(command)
}

/// Cargo's options that optimise our own crates, and what a request spends its time in, as in the program for installation.
/// Cargo keeps the other crates as they are.
fn optimised() -> Result<Vec<String>> {
    let metadata: Metadata = metadata(&["--no-deps"])?;
    let names = metadata.packages.iter().map(|package| package.name.as_str());
    let measured = names.filter(|name| *name != "image-service-tests").chain(DEPENDENCIES);
    let options = measured.flat_map(|name| ["opt-level=3", "codegen-units=1"].map(|option| (name, option)));
    Ok(options.map(|(name, option)| format!("profile.release.package.{name}.{option}")).collect())
}
