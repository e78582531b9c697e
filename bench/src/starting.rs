//! The time from the start of the process to its first answer, and its memory. These are absolute figures of this machine.

use crate::measure::{RUNS, Row, median, memory, ms};
use anyhow::Result;
use image_service_tests::Program;
use std::time::Instant;

pub(crate) async fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let (mut healthz, mut images, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begun = Instant::now();
        let program = Program::demo()?;
        program.get("/healthz").await?.error_for_status()?;
        healthz.push(begun.elapsed().as_secs_f64());
        idle.push(memory(program.pid(), "VmRSS")?);
        let begun = Instant::now();
        let program = Program::demo()?;
        program.get("/images").await?.error_for_status()?.bytes().await?;
        images.push(begun.elapsed().as_secs_f64());
    }
    let runs = format!("median of {RUNS} starts");
    let (healthz, images) = (median(healthz), median(images));
    rows.push(Row::at_most("start to first /healthz", healthz * 1000.0, 50.0, " ms", runs.clone()));
    rows.push(Row::at_most("start to first demo /images", images * 1000.0, 80.0, " ms", ms(images)));
    rows.push(Row::at_most("memory, idle", median(idle), 40.0, " MiB", runs));
    Ok(())
}
