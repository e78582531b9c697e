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
    for manifest in ["examples/registry/Cargo.toml", "fuzz/Cargo.toml"] {
        cargo(&["fmt", "--manifest-path", manifest, "--check"])?;
    }
    example(&["clippy"], &["--", "-D", "warnings"])
}
