//! `cargo xtask lint`: formatting and clippy.

use crate::build::{compositions, example, precompile};
use crate::run::{cargo, native};
use crate::sbom;
use anyhow::Result;

pub(crate) fn lint() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    compositions()?;
    precompile()?;
    sbom::write()?;
    native(&["clippy", "--all-targets", "--", "-D", "warnings"])?;
    cargo(&["fmt", "--manifest-path=examples/registry/Cargo.toml", "--check"])?;
    example(&["clippy"], &["--", "-D", "warnings"])
}
