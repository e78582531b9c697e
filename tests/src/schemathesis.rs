//! schemathesis, which asks a server for all that its OpenAPI document promises: installed below target/ by pip.

use crate::debian::{output, skip};
use crate::target;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its versions, and those of all that it needs.
const REQUIREMENTS: &str = include_str!("../schemathesis.txt");

/// The program `schemathesis`; `None`, with the reason on stderr, where there is no Python or no package index.
///
/// # Errors
///
/// When it can't be had and the environment variable `CI` is `true`.
pub fn schemathesis() -> Result<Option<PathBuf>> {
    match installed() {
        Ok(program) => Ok(Some(program)),
        Err(reason) => {
            skip(&format!("schemathesis can't be had: {reason:#}"))?;
            Ok(None)
        }
    }
}

fn installed() -> Result<PathBuf> {
    let folder = std::path::absolute(target().join("schemathesis"))?;
    let program = folder.join("bin/schemathesis");
    let done = folder.join("requirements.txt");
    if std::fs::read_to_string(&done).is_ok_and(|found| found == REQUIREMENTS) {
        return Ok(program);
    }
    output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("making a virtual environment; Debian's package is python3-venv")?;
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis.txt");
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]).arg(requirements);
    output(&mut pip)?;
    std::fs::write(done, REQUIREMENTS)?;
    Ok(program)
}
