//! `cargo xtask bench`: the program against references.

use crate::benchmarks::cargo_bench;
use crate::build::{ship, shipped, test_components};
use crate::instructions::instructions;
use crate::run::{become_command, run};
use anyhow::Result;
use std::process::Command;

pub(crate) fn bench(part: Option<&str>, record: bool) -> Result<()> {
    match part {
        Some("instructions") => return instructions(record),
        // These are Criterion's.
        Some("parts") => return run(&mut cargo_bench("parts")?),
        _ => ship(true)?,
    }
    test_components()?;
    let mut bench = Command::new(shipped("bench")?);
    bench.args(part).env("IMAGE_SERVICE_PROGRAM", shipped("image-service")?);
    become_command(&mut bench)
}
