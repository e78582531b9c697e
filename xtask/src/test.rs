//! `cargo xtask test`: everything is built, and all tests run.

use crate::build::{build, example, test_components};
use crate::run::native;
use anyhow::Result;

pub(crate) fn test() -> Result<()> {
    build()?;
    test_components()?;
    example(&["build"], &[])?;
    // `--lib`: a component's own library can't be linked for this machine, its unit tests can.
    native(&["test", "--lib", "--bins"])?;
    native(&["test", "--test", "*"])
}
