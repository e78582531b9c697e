//! `cargo xtask soak`: the real program under load, while everything around it goes wrong in turn. At the end nothing has
//! leaked, and memory is where it was after the first minute.

#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, clippy::disallowed_methods, reason = "no time comes from outside")]
#![allow(clippy::print_stdout, reason = "the report")]

mod chaos;
mod clients;
mod usage;

use anyhow::{Context, Result, bail, ensure};
use chaos::{Chaos, MEMORY};
use clients::Clients;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use usage::Usage;

/// Until the first measurement: caches, pools and threads are there by then.
const WARM_UP: Duration = Duration::from_secs(60);
/// Until the program may have let go of all that the load was: idle connections to Harbor stay for a minute, and the client looks
/// for them once a minute.
const LET_GO: Duration = Duration::from_secs(130);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let minutes: u64 = std::env::args().nth(1).as_deref().unwrap_or("10").parse().context("the minutes")?;
    let chaos = Chaos::start().await?;
    println!("soak: {minutes} minutes, process {}", chaos.program.pid());
    let before = run(&chaos, WARM_UP).await?;
    chaos.settle().await?;
    let first = Usage::of(&chaos.program).await?;
    println!("after {} s:\n{first}", WARM_UP.as_secs());
    let after = run(&chaos, Duration::from_secs(60 * minutes).saturating_sub(WARM_UP)).await?;
    chaos.settle().await?;
    let ended = Instant::now();
    let (last, leaks) = loop {
        let last = Usage::of(&chaos.program).await?;
        let leaks = last.beyond(&first);
        if leaks.is_empty() || ended.elapsed() > LET_GO {
            break (last, leaks);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    println!("at the end, {} s after the load:\n{last}", ended.elapsed().as_secs());
    println!("answers: {before} before the first measurement, {after} after it; {} events", chaos.events());
    let images = chaos.program.images().await?;
    if images["errors"] != json!([]) || images["harbor_images"].as_array().is_none_or(Vec::is_empty) {
        bail!("the sources are well again, but the listing is not: {}", images["errors"]);
    }
    let peak = chaos.program.peak_memory()? * 1024;
    ensure!(peak < MEMORY, "{peak} bytes of memory at the peak, more than {MEMORY}");
    for leak in &leaks {
        println!("FAILED: {leak}");
    }
    println!("{}", if leaks.is_empty() { "soak: nothing leaked" } else { "soak: something leaked" });
    Ok(if leaks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Load and faults for so long; what the clients got.
async fn run(chaos: &Chaos, duration: Duration) -> Result<clients::AnswerCounts> {
    let clients = Clients::start(&chaos.program.address);
    chaos.run(duration).await?;
    clients.stop().await
}
