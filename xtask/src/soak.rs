//! `cargo xtask soak`: the program for minutes, while everything around it goes wrong.

use crate::build::build;
use crate::run::{native, replace_by};
use anyhow::Result;

pub(crate) fn soak(minutes: u64) -> Result<()> {
    build()?;
    native(&["build", "--bin", "soak"])?;
    replace_by("soak", [minutes.to_string().as_str()])
}
