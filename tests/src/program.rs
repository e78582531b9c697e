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

/// The folder in which everything is built.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// A composition that `cargo xtask build` leaves, by its name.
pub fn composition(name: &str) -> PathBuf {
    target().join("compositions").join(name).with_extension("wasm")
}

/// A component that `cargo xtask build` leaves, by its name.
pub fn component(name: &str) -> PathBuf {
    target().join("components").join(name).with_extension("wasm")
}

/// A component that only tests use, which `cargo xtask test` leaves, by its name.
pub fn test_component(name: &str) -> PathBuf {
    target().join("test-components").join(name).with_extension("wasm")
}

/// A component of examples/, which `cargo xtask test` leaves, by its name.
pub fn example(name: &str) -> PathBuf {
    target().join("examples").join(name).with_extension("wasm")
}

impl Program {
    /// The program that `IMAGE_SERVICE_PROGRAM` names, else the one that `cargo xtask build` leaves.
    pub fn path() -> PathBuf {
        std::env::var_os("IMAGE_SERVICE_PROGRAM").map_or_else(|| target().join("release/image-service"), PathBuf::from)
    }

    /// Starts `serve` with these arguments, and `PATH` beginning with `first_in_path`.
    ///
    /// # Errors
    ///
    /// When the program is not built or ends at once.
    pub fn start(arguments: &[&str], first_in_path: Option<&Path>) -> Result<Self> {
        let mut paths: Vec<PathBuf> = first_in_path.map(Path::to_owned).into_iter().collect();
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new(Self::path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).env("PATH", std::env::join_paths(paths)?);
        Self::spawn(command)
    }

    /// Starts what this command runs, which has to be the program with `serve`.
    ///
    /// # Errors
    ///
    /// When the program is not built or ends at once.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}; `cargo xtask build` makes the program"))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(address) = line.split_whitespace().nth(2) else {
            bail!("the program ended at once: {}", child.wait()?);
        };
        Ok(Self { child, address: address.to_owned(), client: reqwest::Client::new() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gets a path.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<reqwest::Response> {
        self.request(http::Method::GET, path).await
    }

    /// Asks for a path with this method.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn request(&self, method: http::Method, path: &str) -> Result<reqwest::Response> {
        self.request_with(method, path, &[]).await
    }

    /// The same with these headers.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn request_with(
        &self,
        method: http::Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<reqwest::Response> {
        let request = self.client.request(method, format!("{}{path}", self.address));
        Ok(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await?)
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
    pub fn terminate(self) -> Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.wait()
    }

    /// Sends SIGINT, as Ctrl-C does, and does not wait.
    ///
    /// # Errors
    ///
    /// When the program has ended already.
    pub fn interrupt(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::INT)?)
    }

    /// Sends SIGHUP.
    ///
    /// # Errors
    ///
    /// When the program has ended already.
    pub fn hang_up(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::HUP)?)
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// When it can't be waited for.
    pub fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
