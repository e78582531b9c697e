//! Programs of Debian's packages, unpacked below the target folder; nothing is installed.

use crate::artifacts::target;
use anyhow::{Context, Result, bail, ensure};
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
    crate::timing::measure_this_test();
    match fetched(name) {
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
    #[allow(clippy::print_stderr, reason = "whoever runs the tests has to see that one was left out")]
    {
        eprintln!("skipped: {reason}");
    }
    Ok(())
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed ({}): {}", output.status, said.trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// Downloads a package and unpacks it below the target folder, unless that has been done.
fn fetched(name: &str) -> Result<PathBuf> {
    let cache = target().join("debian");
    std::fs::create_dir_all(&cache)?;
    let cache = cache.canonicalize()?;
    let unpacked = cache.join(name);
    // Tests take turns, those of other processes too. The lock ends with the file.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    if !unpacked.exists() {
        let scratch = tempfile::tempdir_in(&cache)?;
        download(name, scratch.path())?;
        std::fs::rename(scratch.path().join("unpacked"), &unpacked)?;
    }
    Ok(unpacked)
}

/// Into this folder, with apt's lists and caches in it too: the system's may be empty, old or not ours to write.
fn download(name: &str, folder: &Path) -> Result<()> {
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
    apt(&["download", name])?;
    let packages: Vec<PathBuf> =
        std::fs::read_dir(folder.join("packages"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let [package] = &packages[..] else { bail!("apt-get download left {packages:?}") };
    output(Command::new("dpkg").arg("-x").arg(package).arg(folder.join("unpacked")))?;
    Ok(())
}
