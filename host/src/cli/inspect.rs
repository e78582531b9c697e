//! `image-service inspect`: the capabilities that a component imports, and which part of it imports them.

use super::stdout;
use crate::composition::Composition;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use image_model::visible::visible;
use image_service_compositions::capability::Capability;
use image_service_compositions::inspect::{Import, Inspection, inspect};
use image_service_config::regular_file::{self, MAX_COMPONENT};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
#[command(
    after_help = "A component can do what it imports, and nothing else. Its host decides what each import gives: \
                        `image-service serve` gives it no environment variables and no arguments; its stderr goes to the \
                        log, and it reaches no server but the configured Harbor.\n\n\
                        Examples:\n  image-service inspect mine.wasm\n  \
                        image-service inspect mine.wasm --output json"
)]
pub(super) struct Inspect {
    /// The component, composed or not.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The format of the output.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Inspect {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let name = self.file.display();
        let bytes = regular_file::read(&self.file, MAX_COMPONENT).with_context(|| format!("{name} can't be read"))?;
        let inspection = inspect(&bytes).with_context(|| name.to_string())?;
        let refused = Composition::check(&bytes).err().map(|error| format!("{error:#}"));
        let text = match self.output {
            Output::Table => table(&inspection, refused.as_deref()),
            Output::Json => json_text(&inspection, refused.as_deref())?,
        };
        stdout::print(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// One line for each import, and one for each capability that no part imports, because that matters as much.
fn table(inspection: &Inspection, refused: Option<&str>) -> String {
    let mut rows = vec![["CAPABILITY", "IMPORT", "ASKED FOR BY"].map(str::to_owned)];
    for capability in Capability::ALL {
        let before = rows.len();
        for import in inspection.imports.iter().filter(|import| import.capability == capability) {
            let parts = if import.parts.is_empty() { "itself".to_owned() } else { import.parts.join(", ") };
            let row = [capability.name().to_owned(), shown(import), parts];
            if rows.last() != Some(&row) {
                rows.push(row);
            }
        }
        if rows.len() == before && !matches!(capability, Capability::Other | Capability::Nothing) {
            rows.push([capability.name().to_owned(), "none".to_owned(), String::new()]);
        }
    }
    // Names come from whoever built the component.
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| visible(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [capability, import, parts] in &rows {
        let line = format!("{capability:first$}   {import:second$}   {parts}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("\nIt answers: {}\n", visible(&inspection.exports.join(", "))));
    text.push_str(&match refused {
        None => "`image-service serve --composition` runs it.\n".to_owned(),
        Some(reason) => format!("`image-service serve --composition` refuses it: {}\n", visible(reason)),
    });
    text
}

/// The name of an import. Imports of minor capabilities come by the dozen, so those show only their package.
fn shown(import: &Import) -> String {
    match (import.capability, import.name.split_once('/'), import.name.split_once('@')) {
        (Capability::Stdio | Capability::Nothing, Some((package, _)), Some((_, version))) => {
            format!("{package}/*@{version}")
        }
        _ => import.name.clone(),
    }
}

fn json_text(inspection: &Inspection, refused: Option<&str>) -> Result<String> {
    let import = |import: &Import| json!({"name": import.name, "parts": import.parts});
    let capabilities: serde_json::Map<_, _> = Capability::ALL
        .iter()
        .map(|capability| {
            let of_it = inspection.imports.iter().filter(|import| import.capability == *capability);
            (capability.name().to_owned(), of_it.map(import).collect())
        })
        .collect();
    let value = json!({"capabilities": capabilities, "exports": inspection.exports, "serve_refuses": refused});
    Ok(image_model::json::escaped(&serde_json::to_string_pretty(&value)?) + "\n")
}
