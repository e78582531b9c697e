//! Commands of the program that end by themselves.

use crate::artifacts;
use crate::wait::within_deadline;
use anyhow::{Context, Result};
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
    command
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
