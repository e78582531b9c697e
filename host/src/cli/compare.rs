//! `image-service compare`: how the node's images and Harbor differ, for people or for programs.

use super::compositions::Compositions;
use super::config_file::{ConfigFile, demo_config};
use super::listing::{self, Arriving, Failure};
use super::stdout::{self, Stdout};
use super::table::aligned;
use super::terminal::tell;
use anyhow::{Context, Result};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use image_model::visible::visible;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::process::ExitCode;
use tokio::sync::mpsc::Receiver;
use verdicts::Verdict;

#[derive(Args)]
#[command(after_help = "Examples:\n  image-service compare\n  image-service compare --exit-code || notify\n  \
                        image-service compare --output json | jq .counts\n\n\
                        The exit code is 1 when a source failed, and 2 when the program could not do its work. With \
                        --exit-code it is 3 when an image is missing, drifted or untagged and no source failed, and 2 where no \
                        Harbor is configured.")]
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
/// The state of a node or registry of which nothing is known.
const UNREACHABLE: &str = "unreachable";
/// The exit code where there is no registry to compare with, and a script asks for the difference.
const NOTHING_COMPARED: u8 = 2;
/// The exit code where something is missing, drifted or untagged.
const DIFFERENT: u8 = 3;

/// What the exit code needs of the answer of GET /compare.
#[derive(Deserialize)]
struct Totals {
    /// What the images are compared with, if anything.
    registry: Option<IgnoredAny>,
    counts: BTreeMap<String, u64>,
    errors: Vec<Failure>,
}

/// What the table needs of it.
#[derive(Deserialize)]
struct Comparison {
    nodes: Vec<Node>,
    registry: Option<Registry>,
    #[serde(deserialize_with = "rows_on_nodes")]
    images: BTreeMap<String, Vec<Row>>,
    counts: BTreeMap<String, u64>,
    errors: Vec<Failure>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    state: String,
}

#[derive(Deserialize)]
struct Registry {
    url: String,
    state: String,
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
        let output = self.output;
        let read = listing::read(&service, "/compare", move |pieces| match output {
            Output::Table => print_table(pieces),
            Output::Json => print_json(pieces),
        });
        let Totals { registry, counts, errors } = read.await.context("comparing the images")??;
        for failure in &errors {
            tell(failure);
        }
        if self.exit_code && registry.is_none() {
            return Ok(ExitCode::from(NOTHING_COMPARED));
        }
        let has_failed = !errors.is_empty();
        let is_different = BAD.iter().any(|verdict| counts.get(*verdict).is_some_and(|count| *count > 0));
        Ok(match (has_failed, self.exit_code && is_different) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(DIFFERENT),
            (false, false) => ExitCode::SUCCESS,
        })
    }
}

/// Prints an answer as it is, while it arrives: it may be larger than the memory.
fn print_json(pieces: Receiver<Bytes>) -> Result<Totals> {
    let (mut out, mut unprinted) = (Stdout::default(), None);
    let arriving = Arriving::new(pieces, |piece: &Bytes| {
        out.take(|out| out.write_all(piece)).map_err(|error| {
            unprinted = Some(error);
            io::Error::other("stdout does not take it")
        })
    });
    let totals = parse(arriving);
    unprinted.map_or(totals, Err)
}

/// Prints the table of an answer, which has the rows of the nodes only.
fn print_table(pieces: Receiver<Bytes>) -> Result<Totals> {
    let comparison: Comparison = parse(Arriving::new(pieces, |_: &Bytes| Ok(())))?;
    stdout::print(table(&comparison).as_bytes())?;
    let Comparison { registry, counts, errors, .. } = comparison;
    Ok(Totals { registry: registry.map(|_| IgnoredAny), counts, errors })
}

fn parse<T: DeserializeOwned>(answer: impl Read) -> Result<T> {
    serde_json::from_reader(BufReader::new(answer)).context("the composition's answer to GET /compare is no comparison")
}

/// Reads the rows of all verdicts but that of what is on no node.
fn rows_on_nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<Row>>, D::Error> {
    struct OnNodes;
    impl<'de> Visitor<'de> for OnNodes {
        type Value = BTreeMap<String, Vec<Row>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("rows by verdict")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut rows = Self::Value::new();
            while let Some(verdict) = map.next_key::<String>()? {
                if verdict == ON_NO_NODE {
                    map.next_value::<IgnoredAny>()?;
                } else {
                    rows.insert(verdict, map.next_value()?);
                }
            }
            Ok(rows)
        }
    }
    deserializer.deserialize_map(OnNodes)
}

/// The node's images with their verdicts, and a last line that sums up.
fn table(comparison: &Comparison) -> String {
    if comparison.registry.is_none() {
        return "No Harbor is configured, so there is nothing to compare with; set harbor_config.url.\n".to_owned();
    }
    // The answer has a row under each of its verdicts.
    let mut seen = HashSet::new();
    let rows: Vec<[String; 4]> = Verdict::WORST_FIRST
        .iter()
        .filter_map(|verdict| comparison.images.get(verdict.label()))
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

/// How many images have which verdict, and who did not answer.
fn summary(comparison: &Comparison, images: usize) -> String {
    let count = |verdict: &str| comparison.counts.get(verdict).copied().unwrap_or_default();
    let (silent, answering): (Vec<_>, Vec<_>) = comparison.nodes.iter().partition(|node| node.state == UNREACHABLE);
    let [silent, answering] =
        [silent, answering].map(|nodes| nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", "));
    let (registry, answers) = match &comparison.registry {
        Some(registry) => (registry.url.as_str(), registry.state != UNREACHABLE),
        None => ("Harbor", false),
    };
    if answering.is_empty() {
        return match answers {
            true => format!("{silent} did not answer, so the {} in {registry} can't be compared", counted(images)),
            false => format!("neither {silent} nor {registry} answered, so nothing is known"),
        };
    }
    let told = Verdict::WORST_FIRST.iter().map(|verdict| verdict.label()).filter(|verdict| *verdict != ON_NO_NODE);
    // Of the bad ones, none is an answer, too.
    let told = told.filter(|verdict| BAD.contains(verdict) || count(verdict) > 0);
    let told: Vec<String> = told.map(|verdict| format!("{} {}", count(verdict), verdict.replace('_', " "))).collect();
    let more = match answers {
        true => format!("{} more in {registry}", count(ON_NO_NODE)),
        false => format!("{registry} did not answer"),
    };
    let silent = if silent.is_empty() { silent } else { format!("; {silent} did not answer") };
    format!("{} on {answering}: {}; {more}{silent}", counted(images), told.join(", "))
}

fn counted(images: usize) -> String {
    format!("{images} {}", if images == 1 { "image" } else { "images" })
}
