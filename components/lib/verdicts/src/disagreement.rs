//! Nodes that have different images under one reference, where Harbor can't settle which one is right.
//!
//! Digests are compared, and never image ids: nodes of two platforms have the same index and different images. An index and
//! its child are no disagreement. Whether two digests are these can be told
//!
//! - where one image of a node has both, or the registry has the index: then they are;
//! - where both are indexes, as the registry says or as images of several platforms under one digest show: then they are not;
//! - where all nodes have one platform: then they are not, because an index and its child are the same image there.

use crate::artifacts::Artifacts;
use crate::digest::Digest;
use crate::node_rows::NodeRow;
use crate::reason::Reason;
use crate::verdict::Verdict;
use image_model::types::NodeListing;
use std::collections::{HashMap, HashSet};

/// Adds [`Verdict::Drifted`] to the rows of references on whose digests nodes disagree, or [`Verdict::Unknown`] where
/// it can't be told.
pub(crate) fn mark(nodes: &NodeListing, artifacts: &Artifacts, rows: &mut [NodeRow]) {
    let disputed = disputed(nodes, rows);
    if disputed.is_empty() {
        return;
    }
    let mut digests = Related::new(nodes, rows);
    digests.learn_indexes(artifacts);
    for of_reference in disputed {
        let Some(disagree) = digests.disagree(&of_reference, rows) else { continue };
        for row in of_reference {
            let row = &mut rows[row];
            if disagree {
                row.verdicts.insert(Verdict::Drifted);
            } else if !row.verdicts.contains(Verdict::Unknown) {
                row.verdicts.insert(Verdict::Unknown);
                row.reason = Some(Reason::NodesDiffer);
            }
        }
    }
}

/// The rows of each reference that has several, and that Harbor can't settle.
fn disputed(nodes: &NodeListing, rows: &[NodeRow]) -> Vec<Vec<usize>> {
    let mut by_reference: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        let unsettled = row.verdicts.contains(Verdict::Foreign) || row.verdicts.contains(Verdict::Unknown);
        if !unsettled || row.digests.is_empty() || row.own_digest.is_some() {
            continue;
        }
        if let Some(reference) = row.reference(nodes) {
            by_reference.entry(reference).or_default().push(index);
        }
    }
    by_reference.into_values().filter(|rows| rows.len() > 1).collect()
}

/// Which digests belong together: those of one image, and an index with its children.
struct Related {
    numbers: HashMap<Digest, usize>,
    /// A forest: the number of each digest's parent.
    parents: Vec<usize>,
    indexes: HashSet<Digest>,
    several_platforms: bool,
}

impl Related {
    fn new(nodes: &NodeListing, rows: &[NodeRow]) -> Self {
        let mut ids: HashMap<Digest, &str> = HashMap::new();
        let mut related =
            Self { numbers: HashMap::new(), parents: Vec::new(), indexes: HashSet::new(), several_platforms: false };
        for row in rows {
            let id = row.image_id(nodes);
            for digest in &row.digests {
                related.number(*digest);
                related.join(row.digests[0], *digest);
                if *ids.entry(*digest).or_insert(id) != id {
                    related.indexes.insert(*digest);
                }
            }
        }
        related.several_platforms = !related.indexes.is_empty();
        related
    }

    fn learn_indexes(&mut self, artifacts: &Artifacts) {
        for artifact in artifacts.all() {
            let children = artifacts.children(artifact);
            if children.is_empty() {
                continue;
            }
            let digest = artifacts.digest(artifact);
            if self.numbers.contains_key(&digest) {
                self.indexes.insert(digest);
            }
            let known = std::iter::once(&digest).chain(children).filter(|digest| self.numbers.contains_key(digest));
            let known: Vec<Digest> = known.copied().collect();
            for pair in known.windows(2) {
                self.join(pair[0], pair[1]);
            }
        }
    }

    /// Whether these rows disagree. `None` where they agree, `Some(false)` where it can't be told.
    fn disagree(&mut self, of_reference: &[usize], rows: &[NodeRow]) -> Option<bool> {
        let mut roots: HashMap<usize, bool> = HashMap::new();
        for row in of_reference {
            let digests = &rows[*row].digests;
            let root = self.number(digests[0]);
            let root = self.root(root);
            *roots.entry(root).or_default() |= digests.iter().any(|digest| self.indexes.contains(digest));
        }
        (roots.len() > 1).then(|| !self.several_platforms || roots.values().filter(|is_index| **is_index).count() > 1)
    }

    fn number(&mut self, digest: Digest) -> usize {
        let next = self.parents.len();
        let number = *self.numbers.entry(digest).or_insert(next);
        if number == next {
            self.parents.push(next);
        }
        number
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    fn join(&mut self, one: Digest, other: Digest) {
        let (one, other) = (self.number(one), self.number(other));
        let (one, other) = (self.root(one), self.root(other));
        self.parents[one] = other;
    }
}
