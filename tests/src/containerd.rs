//! A real containerd, Debian's 1.6 or a 2.x that Go builds, started by a test with folders and a socket of its own; nothing is installed and the
//! system's containerd, if there is one, is not touched. No rights are needed beyond those of the user. `pull` speaks to its CRI.

mod pull;

use crate::debian::{self, output};
use crate::go;
use crate::oci;
use crate::wait::eventually;
use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Where Kubernetes keeps its images, which is all that the CRI shows.
const NAMESPACE: &str = "k8s.io";

/// A containerd with an empty store. It ends, and all that it wrote goes away, when this is dropped.
pub struct Containerd {
    /// The folder with `containerd` and `ctr`.
    programs: PathBuf,
    folder: TempDir,
    daemon: Option<Child>,
}

impl Containerd {
    /// Starts one; `None` where there is none to be had, which is said on stderr.
    ///
    /// # Errors
    ///
    /// When it is there but does not start, or none is to be had although the environment variable `CI` is `true`:
    /// where tests decide over a change, none may be left out.
    pub async fn start() -> Result<Option<Self>> {
        let Some(package) = debian::package("containerd")? else { return Ok(None) };
        Self::of(package.join("usr/bin")).await.map(Some)
    }

    /// Starts one of version 2.x; `None` where it can't be built, which is said on stderr: without Go, and in CI.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn version_2() -> Result<Option<Self>> {
        let commands = ["containerd", "ctr"];
        let tags = "no_btrfs,no_zfs,no_devmapper";
        match go::programs("github.com/containerd/containerd/v2", "v2.3.7", &commands, tags)? {
            Some(programs) => Self::of(programs).await.map(Some),
            None => Ok(None),
        }
    }

    /// Starts what this folder has.
    async fn of(programs: PathBuf) -> Result<Self> {
        // Not in the target folder: the path of a socket has 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("ctrd").tempdir()?;
        let mut containerd = Self { programs, folder, daemon: None };
        ensure!(containerd.socket().as_os_str().len() < 108, "the path of the socket is too long; set TMPDIR");
        std::fs::write(containerd.folder.path().join("config.toml"), containerd.settings())?;
        containerd.resume().await?;
        Ok(containerd)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("containerd.sock")
    }

    /// Starts it again after [`stop`](Self::stop), with the images that it had.
    ///
    /// # Errors
    ///
    /// When it ends or does not answer; the error has the end of its log.
    pub async fn resume(&mut self) -> Result<()> {
        let log = self.folder.path().join("log");
        let daemon = Command::new(self.programs.join("containerd"))
            .arg("--config")
            .arg(self.folder.path().join("config.toml"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        self.daemon = Some(daemon);
        let answers = async || self.ctr(&["version"]);
        eventually("containerd's first answer", answers)
            .await
            .with_context(|| {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                format!("the log of containerd ends with (newest first) {last:#?}")
            })
            .map(drop)
    }

    /// Ends it and waits until it is gone. What it stored stays for [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// When it does not end upon SIGTERM.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        kill_process(Pid::from_child(&daemon), Signal::TERM)?;
        let ended = eventually("containerd's end upon SIGTERM", async || daemon.try_wait().ok().flatten()).await;
        if ended.is_err() {
            end(&mut daemon);
        }
        ended.map(drop)
    }

    /// Imports these images under these names, from one archive.
    ///
    /// # Errors
    ///
    /// When containerd refuses the archive.
    pub fn import(&self, images: &[(&str, &oci::Image)]) -> Result<()> {
        let archive = tempfile::NamedTempFile::new_in(self.folder.path())?;
        oci::write_archive(archive.path(), images)?;
        let path = archive.path().to_str().context("the temporary folder's name is text")?;
        // Unpacking would need the rights to mount.
        self.ctr(&["images", "import", "--no-unpack", path])?;
        Ok(())
    }

    /// Runs `ctr` on it and gives what it printed.
    ///
    /// # Errors
    ///
    /// When `ctr` fails; the error has what it said.
    pub fn ctr(&self, arguments: &[&str]) -> Result<String> {
        ctr(&self.programs, self.folder.path(), arguments)
    }

    /// All that would go to the system's folders goes to its own.
    fn settings(&self) -> String {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        include_str!("containerd/config.toml")
            .replace("{folder}", &self.folder.path().to_string_lossy())
            .replace("{uid}", &uid.to_string())
            .replace("{gid}", &gid.to_string())
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            end(&mut daemon);
        }
    }
}

/// Ends the daemon and what it may have started, without asking.
fn end(daemon: &mut Child) {
    let _ = kill_process_group(Pid::from_child(daemon), Signal::KILL);
    let _ = daemon.wait();
}

fn ctr(programs: &Path, folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(programs.join("ctr"));
    command.arg("--address").arg(folder.join("containerd.sock")).args(["--namespace", NAMESPACE]).args(arguments);
    output(&mut command)
}
