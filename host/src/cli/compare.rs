//! `image-service compare`: how the node's images and Harbor differ, for people or for programs.

use super::compositions::Compositions;
use super::config_file::{ConfigFile, demo_config};
use super::listing::{self, Failure};
use super::table::aligned;
use super::terminal::tell;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use image_model::visible::visible;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = "Examples:\n  image-service compare\n  image-service compare --exit-code || notify\n  \
                        image-service compare --output json | jq .counts\n\n\
                        The exit code is 1 when a source failed, and 2 when the program could not do its work. With \
                        --exit-code it is 3 when an image is missing, drifted or untagged and no source failed.")]
pub(super) struct Compare {
    #[command(flatten)]
    config: ConfigFile,
    /// The format of the output.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Exits with 3 where an image is missing, drifted or untagged.
    #[arg(long)]
    exit_code: bool,
    /// Compares built-in sample data; needs no node, no Harbor and no config file.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For people: the node's images with their verdicts, worst first, and the sums.
    Table,
    /// The answer of GET /compare.
    Json,
}

/// The verdicts for which somebody has to do something.
const BAD: [&str; 3] = ["missing", "drifted", "untagged"];
/// The verdict of what is only in Harbor. The table leaves these rows out, as there are many.
const ON_NO_NODE: &str = "on_no_node";
/// The exit code where something is missing, drifted or untagged.
const DIFFERENT: u8 = 3;

/// What the table needs of the answer of GET /compare.
#[derive(Deserialize)]
struct Comparison {
    nodes: Vec<Node>,
    registry: Option<Registry>,
    counts: BTreeMap<String, u64>,
    images: BTreeMap<String, Vec<Row>>,
    errors: Vec<Failure>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
}

#[derive(Deserialize)]
struct Registry {
    url: String,
}

#[derive(Deserialize)]
struct Row {
    reference: Option<String>,
    image_id: Option<String>,
    size: String,
    verdicts: Vec<String>,
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
}

impl Compare {
    pub(super) async fn run(self, compositions: Compositions) -> Result<ExitCode> {
        let loaded = if self.demo { demo_config()? } else { self.config.load()? };
        let (service, _) = listing::service(loaded, self.demo, &compositions)?;
        let json = listing::get(&service, "/compare").await.context("comparing the images")?;
        let comparison: Comparison =
            serde_json::from_slice(&json).context("the composition's answer to GET /compare is no comparison")?;
        let text = match self.output {
            Output::Table => table(&comparison).into_bytes(),
            Output::Json => json.into(),
        };
        listing::print(&text)?;
        for failure in &comparison.errors {
            tell(failure);
        }
        let has_failed = !comparison.errors.is_empty();
        let is_different = BAD.iter().any(|verdict| comparison.counts.get(*verdict).is_some_and(|count| *count > 0));
        Ok(match (has_failed, self.exit_code && is_different) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(DIFFERENT),
            (false, false) => ExitCode::SUCCESS,
        })
    }
}

/// The node's images with their verdicts, and a last line that sums up.
fn table(comparison: &Comparison) -> String {
    if comparison.registry.is_none() {
        return "No Harbor is configured, so there is nothing to compare with; set harbor_config.url.\n".to_owned();
    }
    // The answer has a row under each of its verdicts.
    let mut seen = HashSet::new();
    let order = ["missing", "drifted", "untagged", "unknown", "outdated", "proxied", "foreign", "in_sync"];
    let rows: Vec<[String; 4]> = order
        .iter()
        .filter_map(|verdict| comparison.images.get(*verdict))
        .flatten()
        .filter(|row| seen.insert((&row.reference, &row.image_id)))
        .map(|row| {
            let mut verdict = row.verdicts.join(", ");
            if let Some(reason) = &row.reason {
                verdict += &format!(" ({})", reason.code);
            }
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "<none>".to_owned());
            [verdict, or_none(&row.reference), or_none(&row.image_id), row.size.clone()]
        })
        .collect();
    let images = rows.len();
    let mut text = aligned(["VERDICT", "IMAGE", "IMAGE ID", "SIZE"], rows.into_iter());
    text += &format!("\n{}\n", visible(&summary(comparison, images)));
    text
}

/// How many images have which verdict.
fn summary(comparison: &Comparison, images: usize) -> String {
    let count = |verdict: &str| comparison.counts.get(verdict).copied().unwrap_or_default();
    let told = ["missing", "drifted", "untagged", "unknown", "outdated", "proxied", "foreign", "in_sync"];
    // Of the bad ones, none is an answer, too.
    let told = told.iter().filter(|verdict| BAD.contains(verdict) || count(verdict) > 0);
    let told: Vec<String> = told.map(|verdict| format!("{} {}", count(verdict), verdict.replace('_', " "))).collect();
    let nodes: Vec<&str> = comparison.nodes.iter().map(|node| node.name.as_str()).collect();
    let registry = comparison.registry.as_ref().map_or("Harbor", |registry| registry.url.as_str());
    let only = count(ON_NO_NODE);
    format!("{images} images on {}: {}; {only} more in {registry}", nodes.join(", "), told.join(", "))
}
