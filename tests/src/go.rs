//! Programs that are Go modules, built below the target folder where Go is there.

use crate::artifacts::target;
use crate::debian::{leave_out, output};
use anyhow::{Context, Result};
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

/// The folder with these commands of a module in this version; `None` where they can't be built, which is said on stderr. Built once
/// a target folder, which takes minutes. Never in CI: a change there has to pass without a compiler of another language.
///
/// # Errors
///
/// When the target folder can't be written.
pub(crate) fn programs(module: &str, version: &str, commands: &[&str], tags: &str) -> Result<Option<PathBuf>> {
    crate::timing::measure_this_test();
    let named = format!("{module} {version}");
    if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
        leave_out(&format!("{named} is not built in CI"));
        return Ok(None);
    }
    if Command::new("go").arg("version").output().is_err() {
        leave_out(&format!("{named} can't be built: there is no Go on PATH"));
        return Ok(None);
    }
    let cache = target().join("go");
    std::fs::create_dir_all(&cache)?;
    let cache = cache.canonicalize()?;
    let built = cache.join(format!("{}-{version}", module.replace('/', "-")));
    // Tests take turns, those of other processes too. The lock ends with the file.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    if !built.exists() {
        let scratch = tempfile::tempdir_in(&cache)?;
        let mut go = Command::new("go");
        go.args(["install", "-tags", tags]).env("GOBIN", scratch.path()).env("CGO_ENABLED", "0");
        go.args(commands.iter().map(|command| format!("{module}/cmd/{command}@{version}"))).current_dir(scratch.path());
        if let Err(reason) = output(&mut go) {
            leave_out(&format!("{named} can't be built: {reason:#}"));
            return Ok(None);
        }
        std::fs::rename(scratch.path(), &built).context("keeping what Go built")?;
    }
    Ok(Some(built))
}

/// The real crictl; `None` where it can't be built, which is said on stderr.
///
/// # Errors
///
/// When the target folder can't be written.
pub fn crictl() -> Result<Option<PathBuf>> {
    Ok(programs("sigs.k8s.io/cri-tools", "v1.37.0", &["crictl"], "")?.map(|folder| folder.join("crictl")))
}
