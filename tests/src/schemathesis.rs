//! schemathesis, which asks a server for all that its OpenAPI document promises: installed below target/ by pip.

use crate::pip;
use anyhow::Result;
use std::path::PathBuf;

/// The program `schemathesis`; `None`, with the reason on stderr, where there is no Python or no package index.
///
/// # Errors
///
/// When it can't be had and the environment variable `CI` is `true`.
pub fn schemathesis() -> Result<Option<PathBuf>> {
    // Its versions, and those of all that it needs.
    Ok(pip::environment("schemathesis", include_str!("../schemathesis.txt"))?
        .map(|folder| folder.join("bin/schemathesis")))
}
