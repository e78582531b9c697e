//! `cargo xtask test`: everything is built, and all tests run.

use crate::build::{build, example, test_components};
use crate::fuzz::fuzz;
use crate::run::native;
use anyhow::Result;
use std::time::Duration;

/// How long each fuzz target runs here: enough for what was found before, and for what is found at once.
const FUZZ: Duration = Duration::from_secs(3);

pub(crate) fn test() -> Result<()> {
    build()?;
    test_components()?;
    example(&["build"], &[])?;
    // `--lib`: a component's own library can't be linked for this machine, its unit tests can.
    native(&["test", "--lib", "--bins"])?;
    native(&["test", "--test", "*"])?;
    fuzz(None, FUZZ)
}
