//! `cargo xtask bench`: the program against references.

use crate::build::{build, test_components};
use crate::run::{native, replace_by};
use anyhow::Result;

pub(crate) fn bench(part: Option<&str>) -> Result<()> {
    build()?;
    test_components()?;
    native(&["build", "--bin", "bench"])?;
    replace_by("bench", part)
}
