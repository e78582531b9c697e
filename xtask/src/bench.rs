//! `cargo xtask bench`: the program against references.

use crate::build::{build, test_components};
use crate::instructions::instructions;
use crate::run::{cargo, native, replace_by};
use anyhow::Result;

pub(crate) fn bench(part: Option<&str>, record: bool) -> Result<()> {
    match part {
        Some("instructions") => return instructions(record),
        // Criterion's; the profile is named so that what they depend on is not compiled for another one.
        Some("parts") => return cargo(&["bench", "--profile", "release", "--workspace", "--bench", "parts"]),
        _ => build()?,
    }
    test_components()?;
    native(&["build", "--bin", "bench"])?;
    replace_by("bench", part)
}
