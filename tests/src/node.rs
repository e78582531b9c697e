//! A node as the program sees it: its configuration, its ignore file, and stand-ins for the programs on it.

use crate::{Harbor, Program};
use anyhow::Result;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A folder with all that makes a node. It goes away when this is dropped.
pub struct Node {
    folder: TempDir,
}

impl Node {
    /// A node with this `crictl_config` and nothing else.
    ///
    /// # Errors
    ///
    /// When the folder can't be written.
    pub fn new(crictl_config: Value) -> Result<Self> {
        Self::configured(&json!({"crictl_config": crictl_config}))
    }

    /// A node with this `crictl_config`, and a Harbor.
    ///
    /// # Errors
    ///
    /// When the folder can't be written.
    pub fn with_harbor(crictl_config: Value, harbor: &Harbor) -> Result<Self> {
        let login = json!({"url": harbor.url, "user": "robot$ci", "password": "s3cret"});
        Self::configured(&json!({"crictl_config": crictl_config, "harbor_config": login}))
    }

    /// A node with this whole config.json.
    ///
    /// # Errors
    ///
    /// When the folder can't be written.
    pub fn configured(config: &Value) -> Result<Self> {
        let node = Self { folder: tempfile::tempdir()? };
        node.configure(config)?;
        Ok(node)
    }

    /// Writes its config.json anew. Where it says nothing of a cache there is none, so that every request asks the sources.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn configure(&self, config: &Value) -> Result<()> {
        let mut config = config.clone();
        if let Some(config) = config.as_object_mut() {
            config.entry("cache_config").or_insert_with(|| json!({"lifetime": 0}));
        }
        std::fs::write(self.config(), config.to_string())?;
        // It may hold a password, which the program warns about where everybody may read it.
        Ok(std::fs::set_permissions(self.config(), Permissions::from_mode(0o600))?)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its config.json.
    pub fn config(&self) -> PathBuf {
        self.path().join("config.json")
    }

    /// Writes its images_to_ignore.txt.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn ignore(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.path().join("images_to_ignore.txt"), text)?)
    }

    /// Puts a shell script where the program looks for programs first.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn script(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
        Ok(std::fs::set_permissions(&path, Permissions::from_mode(0o755))?)
    }

    /// What a script wrote into a file of the folder; nothing where it wrote none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Starts the program on this node.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(&self) -> Result<Program> {
        Program::start(&["--config", &self.config().to_string_lossy()], Some(self.path()))
    }

    /// Starts the program with these variables in its environment.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_with(&self, environment: &[(&str, &str)]) -> Result<Program> {
        let mut command = self.command();
        command.envs(environment.iter().copied());
        Program::spawn(command)
    }

    /// Starts the program with its stderr going where [`Node::log`] reads it.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_logging(&self) -> Result<Program> {
        let mut command = self.command();
        command.stderr(std::fs::File::create(self.path().join("stderr"))?);
        Program::spawn(command)
    }

    /// The same, listening where it is told to.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_listening(&self, address: &str) -> Result<Program> {
        let mut command = Command::new(Program::path());
        command.args(["serve", "--listen", address, "--config"]).arg(self.config());
        command.stderr(std::fs::File::create(self.path().join("stderr"))?);
        Program::spawn(command)
    }

    /// What the program wrote to stderr.
    pub fn log(&self) -> String {
        self.read("stderr")
    }

    /// Waits until the program wrote this to stderr.
    ///
    /// # Errors
    ///
    /// When that takes half a minute; with what it did write.
    pub async fn await_log(&self, part: &str) -> Result<()> {
        for _ in 0..3000 {
            if self.log().contains(part) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("{part:?} was never logged, but this:\n{}", self.log())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Program::path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(self.config());
        command
    }

    /// Starts the program as a user who is nobody, also when root runs the tests.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_as_nobody(&self) -> Result<Program> {
        use std::os::unix::process::CommandExt;
        if !rustix::process::geteuid().is_root() {
            return self.start();
        }
        // Nobody may not enter every folder that root builds in. `cp` writes the copy: while this process had it open
        // for writing, a process that another test starts could inherit that, and the copy could not be run.
        let program = self.path().join("image-service");
        let copied = Command::new("cp").arg(Program::path()).arg(&program).status()?;
        anyhow::ensure!(copied.success(), "copying the program failed ({copied})");
        for path in [self.path(), &self.config()] {
            std::fs::set_permissions(path, Permissions::from_mode(0o755))?;
        }
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(self.config()).uid(65534).gid(65534);
        command.current_dir("/");
        Program::spawn(command)
    }
}
