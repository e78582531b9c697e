//! Commands of the program that end by themselves.

use crate::artifacts;
use crate::wait::within_deadline;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// What a command that ended by itself said.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said on stderr.
    pub stderr: String,
}

/// Runs a command of the program to its end.
///
/// # Errors
///
/// When it can't be run, does not end within the deadline, or prints what is no text.
pub async fn run(arguments: &[&str]) -> Result<Outcome> {
    let mut command = command();
    command.args(arguments);
    run_command(command).await
}

/// The program without arguments.
pub fn command() -> Command {
    let mut command = Command::new(artifacts::program());
    command.stdin(Stdio::null());
    forget_variables(&mut command);
    command
}

/// Takes the variables away that the program reads: those of whoever runs the tests, and of the build.
pub fn forget_variables(command: &mut Command) {
    let is_read = |name: &OsString| {
        name.to_str().is_some_and(|name| name.starts_with("IMAGE_SERVICE_") || name.starts_with("HARBOR_"))
    };
    for name in std::env::vars_os().map(|(name, _)| name).filter(is_read) {
        command.env_remove(name);
    }
}

/// Runs what this command runs to its end.
///
/// # Errors
///
/// When it can't be run, does not end within the deadline, or prints what is no text.
pub async fn run_command(command: Command) -> Result<Outcome> {
    let what = format!("the end of {command:?}");
    let mut command = tokio::process::Command::from(command);
    let output = within_deadline(&what, command.kill_on_drop(true).output()).await?.with_context(|| what)?;
    Ok(Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}
