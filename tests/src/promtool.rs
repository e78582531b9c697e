//! promtool of Debian's package prometheus, which tries rules and reads metrics as Prometheus does.

use crate::debian;
use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// promtool.
pub struct Promtool(PathBuf);

impl Promtool {
    /// promtool, unpacked below the target folder; `None` where it can't be had, which is said on stderr.
    ///
    /// # Errors
    ///
    /// When it can't be had although it has to be.
    pub fn fetch() -> Result<Option<Self>> {
        Ok(debian::package("prometheus")?.map(|folder| Self(folder.join("usr/bin/promtool"))))
    }

    /// Runs it in this folder; what it prints is the outcome, an error where it is not content.
    ///
    /// # Errors
    ///
    /// When it can't be run.
    pub fn run(&self, arguments: &[&str], folder: &Path, input: &str) -> Result<Result<String, String>> {
        let mut child = Command::new(&self.0)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {}", self.0.display()))?;
        child.stdin.take().context("its input is piped")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok(if output.status.success() { Ok(said) } else { Err(said) })
    }
}
