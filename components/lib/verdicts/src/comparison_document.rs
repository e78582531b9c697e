//! The answer of `/compare`, written piece by piece.

use crate::comparison::{Comparison, Share, SharedRows};
use crate::config::Outdated;
use crate::document::{Document, go_on_with, reopen, write_item};
use crate::inventory::Inventory;
use crate::json::{self, CountsJson, FailureJson, RowJson};
use crate::verdict::Verdict;
use image_model::size;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// The answer of `/compare`: the sums, and for each verdict the rows.
pub struct ComparisonDocument<'a> {
    inventory: &'a Inventory,
    comparison: &'a Comparison<'a>,
    generated_at: u64,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    Sums,
    /// A verdict by its place, the place of the next row to look at, and the number of rows written.
    Rows(usize, usize, usize),
    Errors,
    End,
}

#[derive(Serialize)]
struct Sums<'a> {
    on_all_nodes: OnAllNodes,
    by_nodes: Vec<SharedJson<'a>>,
    bytes: BytesJson<'a>,
}

#[derive(Serialize)]
struct OnAllNodes {
    /// "41 of 43": on all that answered, of all that are known.
    nodes: String,
    answered: u64,
    known: u64,
    images: u64,
}

#[derive(Serialize)]
struct SharedJson<'a> {
    nodes: &'a [String],
    node_count: u64,
    images: u64,
    bytes: u64,
    size: String,
}

#[derive(Serialize)]
struct BytesJson<'a> {
    by_node: Vec<NamedBytes<'a>>,
    by_verdict: ByVerdict<'a>,
    by_repository: Vec<NamedBytes<'a>>,
    other_repositories: Bytes,
    by_project: Vec<ShareJson<'a>>,
    by_registry: Vec<ShareJson<'a>>,
}

#[derive(Serialize)]
struct ShareJson<'a> {
    name: &'a str,
    images: u64,
    #[serde(flatten)]
    bytes: Bytes,
    counts: CountsJson,
}

#[derive(Serialize)]
struct Bytes {
    bytes: u64,
    size: String,
}

#[derive(Serialize)]
struct NamedBytes<'a> {
    name: &'a str,
    #[serde(flatten)]
    bytes: Bytes,
}

impl Bytes {
    fn of(bytes: u64) -> Self {
        Self { bytes, size: size::human(bytes) }
    }
}

struct ByVerdict<'a>(&'a Inventory, &'a Comparison<'a>);

impl Serialize for ByVerdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for verdict in shown(self.0) {
            map.serialize_entry(verdict.label(), &Bytes::of(self.1.bytes_by_verdict[verdict as usize]))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Errors<'a> {
    errors: Vec<FailureJson<'a>>,
}

/// `outdated` is shown where it is on.
fn shown(inventory: &Inventory) -> impl Iterator<Item = Verdict> {
    let with_outdated = inventory.config.outdated != Outdated::Off;
    Verdict::ALL.into_iter().filter(move |verdict| *verdict != Verdict::Outdated || with_outdated)
}

impl<'a> ComparisonDocument<'a> {
    /// `generated_at` is now, in milliseconds since 1970.
    pub fn new(inventory: &'a Inventory, comparison: &'a Comparison<'a>, generated_at: u64) -> Self {
        Self { inventory, comparison, generated_at, part: Part::Sums }
    }

    fn write_sums(&self, buffer: &mut Vec<u8>) {
        let Comparison { total, counts, answered_nodes, known_nodes, .. } = *self.comparison;
        json::write(buffer, &self.inventory.head_json(self.generated_at, total, counts));
        buffer.pop();
        let shared = |shared: &SharedRows<'a>| {
            let SharedRows { nodes, node_count, images, bytes } = *shared;
            SharedJson { nodes, node_count, images, bytes, size: size::human(bytes) }
        };
        let named = |name, bytes| NamedBytes { name, bytes: Bytes::of(bytes) };
        let with_outdated = self.inventory.config.outdated != Outdated::Off;
        let share = |share: &'a Share<'a>| ShareJson {
            name: &share.name,
            images: share.images,
            bytes: Bytes::of(share.bytes),
            counts: CountsJson { counts: share.counts, with_outdated },
        };
        let nodes = self.inventory.nodes();
        let sums = Sums {
            on_all_nodes: OnAllNodes {
                nodes: format!("{answered_nodes} of {known_nodes}"),
                answered: answered_nodes,
                known: known_nodes,
                images: self.comparison.on_all_nodes,
            },
            by_nodes: self.comparison.by_nodes.iter().map(shared).collect(),
            bytes: BytesJson {
                by_node: nodes.iter().map(|summary| named(summary.node.name.as_str(), summary.bytes)).collect(),
                by_verdict: ByVerdict(self.inventory, self.comparison),
                by_repository: self
                    .comparison
                    .top_repositories
                    .iter()
                    .map(|(name, bytes)| named(name, *bytes))
                    .collect(),
                other_repositories: Bytes::of(self.comparison.other_repositories),
                by_project: self.comparison.by_project.iter().map(share).collect(),
                by_registry: self.comparison.by_registry.iter().map(share).collect(),
            },
        };
        go_on_with(buffer, &sums);
        reopen(buffer);
        buffer.extend_from_slice(b"\"images\":{");
    }

    /// Writes the next row of a verdict, or the end of its list.
    fn write_rows(&self, buffer: &mut Vec<u8>, (place, next, written): (usize, usize, usize)) -> Part {
        let Some(verdict) = shown(self.inventory).nth(place) else {
            buffer.push(b'}');
            return Part::Errors;
        };
        if next == 0 {
            if place > 0 {
                buffer.push(b',');
            }
            json::write(buffer, &verdict.label());
            buffer.extend_from_slice(b":[");
        }
        let rows = self.comparison.rows[next..].iter().map(|number| self.inventory.row(*number)).enumerate();
        let is_full = written >= self.comparison.limit;
        let found = rows.into_iter().take_while(|_| !is_full).find(|(_, row)| row.verdicts().contains(verdict));
        match found {
            Some((before, row)) => {
                write_item(buffer, written, &RowJson::of(&row));
                Part::Rows(place, next + before + 1, written + 1)
            }
            None => {
                buffer.push(b']');
                Part::Rows(place + 1, 0, 0)
            }
        }
    }
}

impl Document for ComparisonDocument<'_> {
    fn write_next(&mut self, buffer: &mut Vec<u8>) -> bool {
        self.part = match self.part {
            Part::Sums => {
                self.write_sums(buffer);
                Part::Rows(0, 0, 0)
            }
            Part::Rows(place, next, written) => self.write_rows(buffer, (place, next, written)),
            Part::Errors => {
                go_on_with(buffer, &Errors { errors: self.inventory.failures_json() });
                buffer.push(b'\n');
                Part::End
            }
            Part::End => return false,
        };
        true
    }
}
