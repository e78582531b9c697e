//! `cargo xtask deny`: the dependencies' licences, sources, duplicates and known vulnerabilities, as deny.toml rules.
//!
//! The database of vulnerabilities is a git repository. Where it can't be fetched, an older copy counts, and where there
//! is none, that is said and nothing is checked; with `IMAGE_SERVICE_REQUIRE_ADVISORIES` set, it is a failure.

use crate::run::run;
use crate::tools;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "0.20.2";

/// What has a Cargo.lock of its own.
const MANIFESTS: [&str; 3] = ["Cargo.toml", "examples/registry/Cargo.toml", "fuzz/Cargo.toml"];

pub(crate) fn deny() -> Result<()> {
    let program = tools::from_crates_io("cargo-deny", VERSION)?;
    for manifest in MANIFESTS.into_iter().filter(|manifest| Path::new(manifest).exists()) {
        println!("cargo deny: {manifest}");
        run(cargo_deny(&program, manifest).args(["check", "bans", "licenses", "sources"]))?;
    }
    let required = std::env::var_os("IMAGE_SERVICE_REQUIRE_ADVISORIES").is_some();
    for manifest in MANIFESTS.into_iter().filter(|manifest| Path::new(manifest).exists()) {
        match advisories(&program, manifest, &databases())? {
            Advisories::Checked => println!("advisories: {manifest} checked"),
            Advisories::Old => {
                println!("advisories: {manifest} checked against an older copy of the database, as it can't be fetched")
            }
            Advisories::Skipped if required => {
                bail!("advisories: the database can't be fetched, and there is no copy of it")
            }
            Advisories::Skipped => {
                println!("advisories: SKIPPED, as the database can't be fetched here and there is no copy of it");
                break;
            }
        }
    }
    Ok(())
}

/// How known vulnerabilities were looked for.
#[derive(Debug, PartialEq, Eq)]
enum Advisories {
    Checked,
    /// Against a copy that could not be brought up to date.
    Old,
    Skipped,
}

fn cargo_deny(program: &Path, manifest: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--all-features", "--locked", "--manifest-path", manifest]);
    command
}

/// Looks for known vulnerabilities, in a database that is brought up to date where that is possible.
fn advisories(program: &Path, manifest: &str, databases: &Path) -> Result<Advisories> {
    let fetched = cargo_deny(program, manifest).args(["fetch", "db"]).stderr(Stdio::null()).status()?.success();
    // `check` fails without a database as it does for a vulnerability, so it is only run where there is one.
    if !fetched && !has_database(databases) {
        return Ok(Advisories::Skipped);
    }
    run(cargo_deny(program, manifest).args(["--offline", "check", "advisories"]))?;
    Ok(if fetched { Advisories::Checked } else { Advisories::Old })
}

/// Where cargo-deny keeps its copies, one folder each.
fn databases() -> PathBuf {
    let cargo =
        std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    cargo.unwrap_or_default().join("advisory-dbs")
}

fn has_database(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| entry.path().join(".git").exists()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in for cargo-deny that fetches and checks with these exit codes.
    fn outcome(fetch: u8, check: u8, has_copy: bool) -> Result<Advisories> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("cargo-deny");
        let script = format!("#!/bin/sh\ncase \"$*\" in *fetch*) exit {fetch};; *check*) exit {check};; esac\n");
        std::fs::write(&program, script)?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        if has_copy {
            std::fs::create_dir_all(folder.path().join("dbs/advisory-db/.git"))?;
        }
        advisories(&program, "Cargo.toml", &folder.path().join("dbs"))
    }

    #[test]
    fn advisories_are_checked_where_the_database_can_be_had() {
        assert_eq!(outcome(0, 0, true).unwrap(), Advisories::Checked);
        assert!(outcome(0, 1, true).is_err(), "a vulnerability is a failure");
    }

    #[test]
    fn an_older_copy_counts_where_the_database_can_not_be_had() {
        assert_eq!(outcome(1, 0, true).unwrap(), Advisories::Old);
        assert!(outcome(1, 1, true).is_err(), "a vulnerability is a failure");
    }

    #[test]
    fn without_a_database_nothing_is_checked_and_that_is_told() {
        assert_eq!(outcome(1, 1, false).unwrap(), Advisories::Skipped);
    }
}
