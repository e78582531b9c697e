//! `cargo xtask bench`: measures the real program and references side by side in one run, and prints ratios.
//!
//! - [`listing`]: a whole listing, against the requests of the Flask service and against requests alone;
//! - [`harbor`]: the same where each request costs what it costs a real Harbor, against the cheapest plan;
//! - [`kept`]: what a refresh of kept rows costs, and a query of them;
//! - [`serving`]: requests a second, against a server that does nothing;
//! - [`scaling`]: from 1,000 rows to 100,000;
//! - [`logic`]: parsing, filtering and formatting, against the same logic without WebAssembly;
//! - [`starting`]: from the start of the process to its first answer, and its memory;
//! - [`measure`]: alternating runs and medians;
//! - [`walk`]: the walk of the Flask service; [`client`]: the plain HTTP client of all measurements.

#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, clippy::disallowed_methods, reason = "no time comes from outside")]
#![allow(clippy::print_stdout, reason = "a command's output")]

mod client;
mod harbor;
mod kept;
mod listing;
mod logic;
mod measure;
mod scaling;
mod serving;
mod starting;
mod walk;

use anyhow::Result;
use clap::{Parser, Subcommand};
use measure::Row;

/// Measures Image Service against references, and prints a table of ratios.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand, Clone, Copy)]
enum Part {
    /// Whole listings of Harbor 2.12 and 2.8.
    Listing,
    /// Whole listings of a Harbor that costs what a real one does.
    Harbor,
    /// Refreshes and queries of kept rows.
    Kept,
    /// Requests a second.
    Serving,
    /// Time for each row and memory, from 1,000 rows to 100,000.
    Scaling,
    /// Parsing, filtering and formatting.
    Logic,
    /// Start and memory.
    Starting,
    /// The reference server that answers a fixed body; `serving` starts it.
    #[command(hide = true)]
    Bare {
        /// The body's bytes.
        length: usize,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    match Arguments::parse().part {
        Some(Part::Bare { length }) => return serving::bare(length).await,
        Some(Part::Listing) => listing::measure(&mut rows).await?,
        Some(Part::Harbor) => harbor::measure(&mut rows).await?,
        Some(Part::Kept) => kept::measure(&mut rows).await?,
        Some(Part::Serving) => serving::measure(&mut rows).await?,
        Some(Part::Scaling) => scaling::measure(&mut rows).await?,
        Some(Part::Logic) => logic::measure(&mut rows).await?,
        Some(Part::Starting) => starting::measure(&mut rows).await?,
        None => {
            listing::measure(&mut rows).await?;
            harbor::measure(&mut rows).await?;
            kept::measure(&mut rows).await?;
            serving::measure(&mut rows).await?;
            scaling::measure(&mut rows).await?;
            logic::measure(&mut rows).await?;
            starting::measure(&mut rows).await?;
        }
    }
    println!("{}", measure::table(&rows));
    Ok(())
}
