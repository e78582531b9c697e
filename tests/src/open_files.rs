//! The limit of open files of this process, which a test with many connections raises.

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process have so many files open.
///
/// # Errors
///
/// When the hard limit is lower.
pub fn raise_open_files(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= needed),
        "`ulimit -Hn` allows fewer than {needed} open files"
    );
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum }).context("raising the limit")
}
