//! The real program, started on a free port and ended by its process id.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// `image-service serve`, under way.
pub struct Program {
    child: Child,
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub address: String,
    client: reqwest::Client,
}

/// The program that `cargo xtask build` leaves.
fn path() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("release/image-service")
}

impl Program {
    /// Starts `serve` with these arguments, and `PATH` beginning with `first_in_path`.
    ///
    /// # Errors
    ///
    /// When the program is not built or ends at once.
    pub fn start(arguments: &[&str], first_in_path: Option<&Path>) -> Result<Self> {
        let mut paths: Vec<PathBuf> = first_in_path.map(Path::to_owned).into_iter().collect();
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut child = Command::new(path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("PATH", std::env::join_paths(paths)?)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}; `cargo xtask build` makes it", path().display()))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(address) = line.split_whitespace().nth(2) else {
            bail!("the program ended at once: {}", child.wait()?);
        };
        Ok(Self { child, address: address.to_owned(), client: reqwest::Client::new() })
    }

    /// Gets a path.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<reqwest::Response> {
        Ok(self.client.get(format!("{}{path}", self.address)).send().await?)
    }

    /// The listing; its status has to be 200.
    ///
    /// # Errors
    ///
    /// When it is not, or the body is no JSON.
    pub async fn images(&self) -> Result<Value> {
        Ok(self.get("/images").await?.error_for_status()?.json().await?)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    ///
    /// When it can't be waited for.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
