//! A real containerd of Debian's, started by a test with folders and a socket of its own; nothing is installed and the
//! system's containerd, if there is one, is not touched. No rights are needed beyond those of the user.

use crate::oci;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long containerd may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where Kubernetes keeps its images, which is all that the CRI shows.
const NAMESPACE: &str = "k8s.io";

/// A containerd with an empty store. It ends, and all that it wrote goes away, when this is dropped.
pub struct Containerd {
    /// The folder with `containerd` and `ctr`.
    programs: &'static Path,
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
    pub fn start() -> Result<Option<Self>> {
        let programs = match programs() {
            Ok(programs) => programs,
            Err(reason) => {
                ensure!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no containerd: {reason}");
                #[allow(clippy::print_stderr, reason = "whoever runs the tests has to see that one was left out")]
                {
                    eprintln!("skipped, as there is no containerd: {reason}");
                }
                return Ok(None);
            }
        };
        // Not in the target folder: the path of a socket has 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("ctrd").tempdir()?;
        let mut containerd = Self { programs, folder, daemon: None };
        ensure!(containerd.socket().as_os_str().len() < 108, "the path of the socket is too long; set TMPDIR");
        std::fs::write(containerd.folder.path().join("config.toml"), containerd.settings())?;
        containerd.resume()?;
        Ok(Some(containerd))
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
    pub fn resume(&mut self) -> Result<()> {
        let log = self.folder.path().join("log");
        let daemon = Command::new(self.programs.join("containerd"))
            .arg("--config")
            .arg(self.folder.path().join("config.toml"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let daemon = self.daemon.insert(daemon);
        let started = Instant::now();
        loop {
            let ended = daemon.try_wait()?;
            if ended.is_none() && ctr(self.programs, self.folder.path(), &["version"]).is_ok() {
                return Ok(());
            }
            if ended.is_some() || started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                bail!("containerd did not start ({ended:?}); its log ends with (newest first) {last:#?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it and waits until it is gone. What it stored stays for [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// When it does not end upon SIGTERM.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        let pid = Pid::from_child(&daemon);
        kill_process(pid, Signal::TERM)?;
        let asked = Instant::now();
        while daemon.try_wait()?.is_none() {
            if asked.elapsed() > PATIENCE {
                end(&mut daemon);
                bail!("containerd did not end upon SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
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
        ctr(self.programs, self.folder.path(), arguments)
    }

    /// All that would go to the system's folders goes to its own.
    fn settings(&self) -> String {
        let folder = self.folder.path().display();
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        format!(
            r#"
version = 2
root = "{folder}/root"
state = "{folder}/state"

[grpc]
address = "{folder}/containerd.sock"
uid = {uid}
gid = {gid}

[ttrpc]
address = "{folder}/ttrpc.sock"
uid = {uid}
gid = {gid}

[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"

[plugins."io.containerd.grpc.v1.cri"]
disable_tcp_service = true
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{folder}/cni/bin"
conf_dir = "{folder}/cni/net.d"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
"#
        )
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

/// What a command prints.
fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed ({}): {}", output.status, said.trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// The folder with the programs, or why there is none. Fetched once a target folder, tried once a process.
fn programs() -> Result<&'static Path, &'static str> {
    static PROGRAMS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAMS
        .get_or_init(|| fetched().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map(PathBuf::as_path)
        .map_err(String::as_str)
}

/// Downloads Debian's package and unpacks it below the target folder, unless that has been done.
fn fetched() -> Result<PathBuf> {
    let cache = crate::program::target().join("containerd");
    std::fs::create_dir_all(&cache)?;
    let cache = cache.canonicalize()?;
    // Tests of several processes take turns. The lock ends with the file.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    let unpacked = cache.join("debian");
    let programs = unpacked.join("usr/bin");
    if !programs.join("containerd").exists() {
        let scratch = tempfile::tempdir_in(&cache)?;
        download(scratch.path())?;
        std::fs::rename(scratch.path().join("unpacked"), &unpacked)?;
    }
    Ok(programs)
}

/// Into this folder, with apt's lists and caches in it too: the system's may be empty, old or not ours to write.
fn download(folder: &Path) -> Result<()> {
    for part in ["lists/partial", "cache/archives/partial", "packages", "unpacked"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .arg("--quiet")
            .args(["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30"])
            // Root's apt would give its downloads to a user who may not enter this folder.
            .args(["-o", "APT::Sandbox::User=root"])
            .arg(format!("-oDir::State::lists={}", folder.join("lists").display()))
            .arg(format!("-oDir::Cache={}", folder.join("cache").display()))
            .args(arguments)
            .env("LC_ALL", "C")
            .current_dir(folder.join("packages"));
        output(&mut command)
    };
    apt(&["update"])?;
    apt(&["download", "containerd"])?;
    let packages: Vec<PathBuf> =
        std::fs::read_dir(folder.join("packages"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let [package] = &packages[..] else { bail!("apt-get download left {packages:?}") };
    output(Command::new("dpkg").arg("-x").arg(package).arg(folder.join("unpacked")))?;
    Ok(())
}
