//! `cargo xtask lint`: formatting, the order of layers, circles between modules, and clippy.

mod circles;
mod layers;
mod modules;
mod paths;
#[cfg(test)]
mod times;

use crate::build::{example, parts};
use crate::run::{cargo, native};
use crate::steps::{CLIPPY, FORMAT, LAYERS, step};
use anyhow::Result;
use clap::ValueEnum;

/// A part of the lint.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting.
    Format,
    /// No crate imports one of a higher layer, and no modules of a crate form a circle.
    Layers,
    /// Clippy, warnings denied.
    Clippy,
}

/// Checks one part; all parts where none is given.
pub(crate) fn lint(only: Option<Part>) -> Result<()> {
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted(Part::Format) {
        step(FORMAT, format)?;
    }
    if wanted(Part::Layers) {
        step(LAYERS, layers::check)?;
    }
    if wanted(Part::Clippy) {
        // The program embeds these files, so clippy needs them.
        parts()?;
        step(CLIPPY, clippy)?;
    }
    Ok(())
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    for manifest in ["examples/registry/Cargo.toml", "fuzz/Cargo.toml"] {
        cargo(&["fmt", "--manifest-path", manifest, "--check"])?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    native(&["clippy", "--all-targets", "--", "-D", "warnings"])?;
    example("clippy", &["--", "-D", "warnings"])
}
