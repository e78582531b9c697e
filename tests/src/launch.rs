//! The program on a node: `serve` with the node's config.json, and the commands that end by themselves.

use crate::artifacts;
use crate::cgroup::Cgroup;
use crate::command::{self, Outcome};
use crate::node::{Node, NodeBuilder};
use crate::program::Program;
use anyhow::Result;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The user and the group of the same name in most systems.
const NOBODY: u32 = 65534;

/// `serve` on a node, not started yet.
#[must_use]
pub struct Launch {
    command: Command,
    node: Node,
}

impl NodeBuilder {
    /// Writes all of it, and starts the program there.
    ///
    /// # Errors
    ///
    /// When a file can't be written, or the program does not start.
    pub fn start(self) -> Result<Program> {
        self.build()?.start()
    }

    /// Writes all of it, and starts the program as a user who is nobody, also when root runs the tests: root needs no sudo.
    ///
    /// # Errors
    ///
    /// When a file can't be written, or the program does not start.
    pub fn start_as_nobody(self) -> Result<Program> {
        self.build()?.launch().start_as_nobody()
    }
}

impl Node {
    /// `serve` with this node's config.json, on a free port of 127.0.0.1.
    pub fn launch(&self) -> Launch {
        self.launch_at("127.0.0.1:0")
    }

    /// The same at this address.
    pub fn launch_at(&self, address: &str) -> Launch {
        let mut command = command::command();
        command.args(["serve", "--listen", address, "--config"]).arg(self.config_file());
        Launch { command, node: self.clone() }
    }

    /// Starts `serve` on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn start(&self) -> Result<Program> {
        self.launch().start()
    }

    /// Starts what this command runs, which has to be the program with `serve`. It finds the node's scripts first, and
    /// [`log`](Self::log) has its stderr.
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn spawn(&self, mut command: Command) -> Result<Program> {
        command.stderr(std::fs::File::create(self.path("stderr"))?);
        Program::spawn(command, self.clone())
    }

    /// Runs a command such as `check` with this node's config.json to its end.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = command::command();
        command.args(arguments).arg("--config").arg(self.config_file()).env("PATH", self.search_path()?);
        command::run_command(command).await
    }
}

impl Launch {
    /// Adds an argument.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of its environment.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn start(mut self) -> Result<Program> {
        self.command.env("PATH", self.node.search_path()?);
        self.node.spawn(self.command)
    }

    /// Starts it in this cgroup.
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn start_in(mut self, cgroup: &Cgroup) -> Result<Program> {
        let mut shell = Command::new("bash");
        let join = format!("echo $$ > '{}'; exec \"$0\" \"$@\"", cgroup.processes().display());
        shell.args(["-c", &join]).arg(self.command.get_program()).args(self.command.get_args());
        command::forget_variables(&mut shell);
        self.command = shell;
        self.start()
    }

    /// Starts it as a user who is nobody, also when root runs the tests.
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn start_as_nobody(self) -> Result<Program> {
        self.of_nobody()?.start()
    }

    /// Runs it to its end, where it must not come to serve, as a user who is nobody, after this line of a shell.
    ///
    /// # Errors
    ///
    /// When a file can't be written, or it does not end.
    pub async fn refusal_as_nobody(self, line: &str) -> Result<Outcome> {
        let launch = self.of_nobody()?;
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]);
        shell.arg(launch.command.get_program()).args(launch.command.get_args());
        command::forget_variables(&mut shell);
        if rustix::process::geteuid().is_root() {
            shell.uid(NOBODY).gid(NOBODY);
        }
        command::run_command(shell).await
    }

    fn of_nobody(mut self) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(self);
        }
        // Nobody may not enter every folder that root builds in.
        self.node.copy_program(&artifacts::program(), "image-service")?;
        self.node.set_mode("", 0o755)?;
        self.node.give_to(NOBODY)?;
        let arguments: Vec<_> = self.command.get_args().map(OsStr::to_owned).collect();
        self.command = Command::new(self.node.path("image-service"));
        command::forget_variables(&mut self.command);
        self.command.args(arguments).uid(NOBODY).gid(NOBODY).current_dir("/");
        Ok(self)
    }

    /// Runs it to its end, where it must not come to serve.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn refusal(self) -> Result<Outcome> {
        command::run_command(self.command).await
    }
}
