//! `cargo xtask soak`: runs the program for minutes while its sources and clients fail.

use crate::build::build;
use crate::run::{native, replace_by};
use anyhow::Result;

pub(crate) fn soak(minutes: u64) -> Result<()> {
    build()?;
    native(&["build", "--bin", "soak"])?;
    replace_by("soak", [minutes.to_string().as_str()])
}
