//! `image-service list`: the images once, for people or for programs.
//!
//! - `format`: how rows are written.

mod format;

use super::compositions::Compositions;
use super::config_file::{ConfigFile, demo_config};
use super::listing::{self, NodeImage, RegistryImage, Sink};
use super::stdout::Stdout;
use super::terminal::tell;
use anyhow::Result;
use clap::{Args, ValueEnum};
use format::{Csv, Format, Json, Tables};
use std::io::Write;
use std::process::ExitCode;

/// Bytes that are written at a time.
const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Args)]
#[command(after_help = "Examples:\n  image-service list\n  image-service list --output json | jq .harbor_images\n  \
                        image-service list --output csv > images.csv\n\n\
                        When a source fails, the program prints the rows that arrived and, on stderr, the failure; \
                        the exit code is then 1.")]
pub(super) struct List {
    #[command(flatten)]
    config: ConfigFile,
    /// The format of the output.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Lists built-in sample data; needs no node, no Harbor and no config file.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For people: the node's images as crictl prints them, then Harbor's.
    Table,
    /// The answer of GET /images.
    Json,
    /// One row for each image and tag; its columns are the keys of the JSON.
    Csv,
}

impl List {
    pub(super) async fn run(self, compositions: Compositions) -> Result<ExitCode> {
        let loaded = if self.demo { demo_config()? } else { self.config.load()? };
        let (service, harbor) = listing::service(loaded, self.demo, &compositions)?;
        let format: Box<dyn Format> = match self.output {
            Output::Table => Box::new(Tables::new(!harbor.is_off())),
            Output::Json => Box::new(Json),
            Output::Csv => Box::new(Csv::default()),
        };
        let printer = Printer { format, buffer: Vec::new(), out: Stdout::default() };
        let (printer, failures) = listing::ask(&service, &harbor, printer).await?;
        printer.end()?;
        for failure in &failures {
            tell(failure);
        }
        Ok(ExitCode::from(u8::from(!failures.is_empty())))
    }
}

/// Prints rows as they arrive.
struct Printer {
    format: Box<dyn Format>,
    buffer: Vec<u8>,
    out: Stdout,
}

impl Printer {
    fn print(&mut self, least: usize) -> Result<()> {
        if self.buffer.len() < least {
            return Ok(());
        }
        let buffer = &mut self.buffer;
        self.out.take(|out| out.write_all(buffer))?;
        buffer.clear();
        Ok(())
    }

    /// Prints what is left.
    fn end(mut self) -> Result<()> {
        self.format.end(&mut self.buffer)?;
        self.print(0)
    }
}

impl Sink for Printer {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.format.bytes(bytes, &mut self.buffer);
        self.print(BUFFER_BYTES)
    }

    fn node(&mut self, row: NodeImage) -> Result<()> {
        self.format.node(row, &mut self.buffer)?;
        self.print(BUFFER_BYTES)
    }

    fn registry(&mut self, row: RegistryImage) -> Result<()> {
        self.format.registry(row, &mut self.buffer)?;
        self.print(BUFFER_BYTES)
    }
}
