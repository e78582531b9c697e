//! Programs that a task needs and that a fresh machine lacks: installed below target/, in a fixed version.

use crate::run::{cargo_command, run, target};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// A program of crates.io's, from target/tools; installed where this version of it is missing.
pub(crate) fn from_crates_io(name: &str, version: &str) -> Result<PathBuf> {
    let folder = std::path::absolute(target())?.join("tools");
    let program = folder.join("bin").join(name);
    let output = Command::new(&program).arg("--version").output();
    let installed = output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().last().is_some_and(|found| found == version)
    });
    if !installed {
        eprintln!("installing {name} {version} from crates.io, once; this takes some minutes");
        let mut command = cargo_command();
        command.args(["install", "--locked", "--quiet", "--force", "--version", version, "--root"]).arg(&folder);
        // It works for seconds: to build it fast matters more than to make it fast.
        command.envs([
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
            ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
        ]);
        run(command.arg(name)).with_context(|| format!("installing {name}"))?;
    }
    Ok(program)
}
