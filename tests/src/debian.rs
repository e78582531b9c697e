//! Programs of Debian's packages, unpacked below the target folder; nothing is installed.

use crate::artifacts::target;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder in which a package is unpacked; `None` where it can't be had, which is said on stderr. Fetched once a target
/// folder.
///
/// # Errors
///
/// When it can't be had although the environment variable `CI` is `true`: where tests decide over a change, none may be
/// left out.
pub(crate) fn package(name: &str) -> Result<Option<PathBuf>> {
    unless_missing(name, fetched(name, |apt| apt.get(&["download", name])))
}

/// The folder in which packages are unpacked, with all that they need and this system lacks; the rest as for [`package`].
///
/// # Errors
///
/// When they can't be had although the environment variable `CI` is `true`.
pub(crate) fn packages(folder: &str, names: &[&str]) -> Result<Option<PathBuf>> {
    let install = ["install", "--download-only", "--reinstall", "--no-install-recommends", "--yes"];
    // Nothing is installed, so nothing has to wait for whoever installs something.
    let arguments = [&["-o", "Debug::NoLocking=1"], &install[..], names].concat();
    unless_missing(folder, fetched(folder, |apt| apt.get(&arguments)))
}

/// The folder with Debian's sudo; `None` where it can't be had, which is said on stderr.
///
/// # Errors
///
/// When it can't be had although the environment variable `CI` is `true`.
pub fn sudo() -> Result<Option<PathBuf>> {
    package("sudo")
}

fn unless_missing(name: &str, fetched: Result<PathBuf>) -> Result<Option<PathBuf>> {
    crate::timing::measure_this_test();
    match fetched {
        Ok(folder) => Ok(Some(folder)),
        Err(reason) => {
            skip(&format!("Debian's package {name} can't be had: {reason:#}"))?;
            Ok(None)
        }
    }
}

/// Says that a test is left out, and why.
///
/// # Errors
///
/// When the environment variable `CI` is `true`.
pub fn skip(reason: &str) -> Result<()> {
    ensure!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{reason}");
    leave_out(reason);
    Ok(())
}

/// Says that a test is left out, and why, also in CI: what it needs can't be installed.
pub fn leave_out(reason: &str) {
    #[allow(clippy::print_stderr, reason = "whoever runs the tests has to see that one was left out")]
    {
        eprintln!("skipped: {reason}");
    }
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} ({}, of {command:?})", said.trim(), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Downloads packages and unpacks them below the target folder, unless that has been done.
fn fetched(name: &str, download: impl FnOnce(&Apt) -> Result<()>) -> Result<PathBuf> {
    let cache = target().join("debian");
    std::fs::create_dir_all(&cache)?;
    let cache = cache.canonicalize()?;
    let unpacked = cache.join(name);
    // Tests take turns, those of other processes too. The lock ends with the file.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    if !unpacked.exists() {
        let scratch = tempfile::tempdir_in(&cache)?;
        let apt = Apt::new(scratch.path())?;
        download(&apt)?;
        apt.unpack()?;
        std::fs::rename(apt.unpacked(), &unpacked)?;
    }
    Ok(unpacked)
}

/// apt with lists and caches in a folder of its own: the system's may be empty, old or not ours to write.
struct Apt<'a>(&'a Path);

impl<'a> Apt<'a> {
    /// Makes the folder, and fetches the lists.
    fn new(folder: &'a Path) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial", "packages", "unpacked"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        // What is half installed on this system is no matter of the tests.
        let state = Path::new("/var/lib/dpkg/status");
        std::fs::copy(state, folder.join("status")).with_context(|| format!("copying {}", state.display()))?;
        let apt = Self(folder);
        apt.run(&["update"])?;
        Ok(apt)
    }

    /// Downloads packages: the newest ones, and otherwise those of the release, as a mirror may list a security update some time before
    /// it has it.
    fn get(&self, arguments: &[&str]) -> Result<()> {
        let Err(error) = self.run(arguments) else { return Ok(()) };
        let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let release =
            system.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).map(|name| name.trim_matches('"'));
        let Some(release) = release else { return Err(error) };
        let of_release = self.run(&[&["-t", release], arguments].concat());
        of_release.with_context(|| format!("{error:#}; and of {release} itself")).map(drop)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let folder = self.0;
        let mut command = Command::new("apt-get");
        command
            .arg("--quiet")
            .args(["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30"])
            // Root's apt would give its downloads to a user who may not enter this folder.
            .args(["-o", "APT::Sandbox::User=root"])
            .arg(format!("-oDir::State::status={}", folder.join("status").display()))
            .arg(format!("-oDir::State::lists={}", folder.join("lists").display()))
            .arg(format!("-oDir::Cache={}", folder.join("cache").display()))
            .args(arguments)
            .env("LC_ALL", "C")
            .current_dir(folder.join("packages"));
        output(&mut command)
    }

    /// Unpacks what was downloaded: `download` leaves it in the current folder, `install` among the archives.
    fn unpack(&self) -> Result<()> {
        let mut count = 0;
        for folder in ["packages", "cache/archives"] {
            for entry in std::fs::read_dir(self.0.join(folder))? {
                let package = entry?.path();
                if package.extension().is_some_and(|extension| extension == "deb") {
                    output(Command::new("dpkg").arg("-x").arg(&package).arg(self.unpacked()))?;
                    count += 1;
                }
            }
        }
        ensure!(count > 0, "apt-get downloaded nothing");
        Ok(())
    }

    fn unpacked(&self) -> PathBuf {
        self.0.join("unpacked")
    }
}
