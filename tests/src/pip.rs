//! Packages of Python's index, below the target folder; nothing is installed elsewhere.

use crate::debian::{output, skip};
use crate::target;
use anyhow::{Context, Result};
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

/// The folder of a virtual environment with these requirements, which name all that they need; `None`, with the reason on
/// stderr, where there is no Python or no package index.
///
/// # Errors
///
/// When it can't be had and the environment variable `CI` is `true`.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<Option<PathBuf>> {
    match installed(name, requirements) {
        Ok(folder) => Ok(Some(folder)),
        Err(reason) => {
            skip(&format!("{name} can't be had: {reason:#}"))?;
            Ok(None)
        }
    }
}

fn installed(name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = std::path::absolute(target().join(name))?;
    // Tests take turns, those of other processes too. The lock ends with the file.
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    let done = folder.join("requirements.txt");
    if std::fs::read_to_string(&done).is_ok_and(|found| found == requirements) {
        return Ok(folder);
    }
    output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("making a virtual environment; Debian's package is python3-venv")?;
    let wanted = folder.join("wanted.txt");
    std::fs::write(&wanted, requirements)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]).arg(&wanted);
    output(&mut pip)?;
    std::fs::rename(wanted, done)?;
    Ok(folder)
}
