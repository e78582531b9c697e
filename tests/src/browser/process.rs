//! chromedriver as a process of a test, and the end of all that it started.

use super::install::Chromium;
use crate::wait::eventually;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// A chromedriver. It and all processes of its browser end when this is dropped.
pub(super) struct Chromedriver {
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub(super) url: String,
    process: Child,
    folder: TempDir,
}

impl Chromedriver {
    pub(super) async fn start(chromium: &Chromium) -> Result<Self> {
        // Not in the target folder: Chromium makes sockets, whose paths have 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("chromium").tempdir()?;
        let log = File::create(log_file(folder.path()))?;
        let mut command = chromium.driver(folder.path())?;
        command.arg("--port=0").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let mut driver = Self { url: String::new(), process, folder };
        let port = eventually("chromedriver's port", async || driver.port()).await.with_context(|| driver.log())?;
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }

    /// A folder for what the browser writes, which goes away with it.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it said so far.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }

    /// The port in "ChromeDriver was started successfully on port 40123."
    fn port(&self) -> Option<u16> {
        let log = self.log();
        let (_, after) = log.split_once("started successfully on port ")?;
        after.split_once('.')?.0.parse().ok()
    }

    /// The processes of the browser: those that descend from chromedriver, and those that name the folder, such as the handler of
    /// crashes, which leaves its parent.
    fn started(&self) -> Vec<Pid> {
        let folder = self.folder.path().to_string_lossy();
        let processes = processes();
        let mut found = vec![self.process.id()];
        let mut known = 0;
        while known < found.len() {
            known = found.len();
            for process in &processes {
                let belongs = found.contains(&process.parent) || process.command.contains(&*folder);
                if belongs && !found.contains(&process.id) {
                    found.push(process.id);
                }
            }
        }
        found.iter().filter_map(|id| Pid::from_raw(i32::try_from(*id).ok()?)).collect()
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        // Twice: what was born during the first round has no parent any more, and names the folder.
        for _ in 0..2 {
            for process in self.started() {
                let _ = kill_process(process, Signal::KILL);
            }
        }
        let _ = self.process.wait();
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("chromedriver.log")
}

/// A process of this machine.
struct Process {
    id: u32,
    parent: u32,
    command: String,
}

/// All processes that can be seen.
fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let process = |folder: PathBuf| {
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
        let command = std::fs::read(folder.join("cmdline")).ok()?;
        Some(Process { id, parent, command: String::from_utf8_lossy(&command).into_owned() })
    };
    entries.filter_map(|entry| process(entry.path())).collect()
}
