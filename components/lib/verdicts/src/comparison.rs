//! Sums over all rows: by verdict, by the nodes that have them, by project and registry, and where the bytes are.
//!
//! Bytes are "at most": layers are shared, and containerd reports compressed ones. An image counts once, whatever number of
//! references it has and of nodes it is on.

use crate::inventory::Inventory;
use crate::page::Page;
use crate::query::Query;
use crate::reference;
use crate::row::RowNumber;
use crate::verdict::{Counts, Verdict, Verdicts};
use image_model::types::NodeState;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Repositories that are named. The others are one sum.
const TOP_REPOSITORIES: usize = 10;

/// Sums over all rows.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// All rows of an inventory that a query wants.
    pub total: u64,
    /// How many rows have each verdict.
    pub counts: Counts,
    /// The nodes that answered.
    pub answered_nodes: u64,
    /// All nodes.
    pub known_nodes: u64,
    /// The rows that are on all nodes that answered.
    pub on_all_nodes: u64,
    /// The rows by the nodes that have them, most nodes first.
    pub by_nodes: Vec<SharedRows<'a>>,
    /// Bytes by verdict, in the order of the verdicts.
    pub bytes_by_verdict: [u64; Verdict::ALL.len()],
    /// The repositories on nodes with the most bytes, and the bytes of all others.
    pub top_repositories: Vec<(&'a str, u64)>,
    /// The bytes of all other repositories.
    pub other_repositories: u64,
    /// The rows by the project of Harbor that has them, or would have them, the most bytes first. Rows of other registries have none.
    pub by_project: Vec<Share<'a>>,
    /// The rows by the host of their registry, the most bytes first. Images without a name have none.
    pub by_registry: Vec<Share<'a>>,
    /// The rows in order of their names.
    pub(crate) rows: Vec<RowNumber>,
    /// The most rows of each verdict that are written.
    pub(crate) limit: usize,
}

/// The rows that have the same project, or the same registry.
#[derive(Clone, Debug)]
pub struct Share<'a> {
    /// Of the project or the registry.
    pub name: Cow<'a, str>,
    /// The number of rows.
    pub images: u64,
    /// The bytes of their images.
    pub bytes: u64,
    /// How many of the rows have each verdict.
    pub counts: Counts,
}

/// The rows that the same nodes have.
#[derive(Clone, Copy, Debug)]
pub struct SharedRows<'a> {
    /// Folded.
    pub nodes: &'a [String],
    /// The number of nodes.
    pub node_count: u64,
    /// The number of rows.
    pub images: u64,
    /// The bytes of their images.
    pub bytes: u64,
}

impl Inventory {
    /// Sums up the rows that the query wants. `Query::default()` wants all. Of each verdict, as many rows are written as the
    /// limit of the query says.
    pub fn compare(&self, query: &Query) -> Comparison<'_> {
        // The sums are over all of them, whatever page the query is about.
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        let query = query.of_all_pages();
        let Page { rows, total, counts, .. } = self.whole(&query);
        let nodes = || self.nodes.groups.iter().flat_map(|group| &group.nodes);
        let answered_nodes = nodes().filter(|node| node.state == NodeState::Answered).count() as u64;
        let mut comparison = Comparison {
            total,
            counts,
            answered_nodes,
            known_nodes: nodes().count() as u64,
            on_all_nodes: 0,
            by_nodes: self.node_sets.iter().map(|set| SharedRows::of(&set.folded, set.count)).collect(),
            bytes_by_verdict: [0; Verdict::ALL.len()],
            top_repositories: Vec::new(),
            other_repositories: 0,
            by_project: Vec::new(),
            by_registry: Vec::new(),
            rows,
            limit,
        };
        self.sum(&mut comparison);
        comparison.by_nodes.retain(|shared| shared.images > 0);
        comparison
            .by_nodes
            .sort_by(|one, other| other.node_count.cmp(&one.node_count).then_with(|| one.nodes.cmp(other.nodes)));
        comparison
    }

    fn sum<'a>(&'a self, comparison: &mut Comparison<'a>) {
        let mut seen = Seen::default();
        let mut by_repository: HashMap<&str, u64> = HashMap::new();
        let (mut projects, mut registries) = (Shares::default(), Shares::default());
        for number in &comparison.rows {
            let row = self.row(*number);
            let (bytes, id) = (row.bytes(), row.image_id());
            for verdict in row.verdicts().iter() {
                if seen.is_new(Group::Verdict(verdict), id) {
                    add(&mut comparison.bytes_by_verdict[verdict as usize], bytes);
                }
            }
            if let Some(project) = row.project() {
                projects.add(project.into(), bytes, id, row.verdicts());
            }
            if let Some(repository) = row.repository() {
                registries.add(reference::registry(repository), bytes, id, row.verdicts());
            }
            let Some(set) = row.node_set() else { continue };
            let shared = &mut comparison.by_nodes[set as usize];
            shared.images += 1;
            if seen.is_new(Group::Nodes(set), id) {
                add(&mut shared.bytes, bytes);
            }
            let answered = self.node_sets[set as usize].answered;
            if answered > 0 && answered == comparison.answered_nodes {
                comparison.on_all_nodes += 1;
            }
            if let Some(repository) = row.repository()
                && seen.is_new(Group::Repository(repository), id)
            {
                add(by_repository.entry(repository).or_default(), bytes);
            }
        }
        let mut repositories: Vec<_> = by_repository.into_iter().collect();
        repositories.sort_by(|(one, one_bytes), (other, other_bytes)| other_bytes.cmp(one_bytes).then(one.cmp(other)));
        let others = repositories.split_off(repositories.len().min(TOP_REPOSITORIES));
        others.iter().for_each(|(_, bytes)| add(&mut comparison.other_repositories, *bytes));
        comparison.top_repositories = repositories;
        comparison.by_project = projects.sorted();
        comparison.by_registry = registries.sorted();
    }
}

impl<'a> SharedRows<'a> {
    fn of(nodes: &'a [String], node_count: u64) -> Self {
        Self { nodes, node_count, images: 0, bytes: 0 }
    }
}

/// Sums by a name.
#[derive(Default)]
struct Shares<'a>(HashMap<Cow<'a, str>, (Share<'a>, HashSet<&'a str>)>);

impl<'a> Shares<'a> {
    /// Adds a row. An image that has several rows of this name takes its space once.
    fn add(&mut self, name: Cow<'a, str>, bytes: u64, id: Option<&'a str>, verdicts: Verdicts) {
        let (share, seen) = self.0.entry(name).or_insert_with_key(|name| {
            (Share { name: name.clone(), images: 0, bytes: 0, counts: Counts::default() }, HashSet::new())
        });
        share.images += 1;
        share.counts.add(verdicts);
        if id.is_none_or(|id| seen.insert(id)) {
            add(&mut share.bytes, bytes);
        }
    }

    fn sorted(self) -> Vec<Share<'a>> {
        let mut shares: Vec<_> = self.0.into_values().map(|(share, _)| share).collect();
        shares.sort_unstable_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name)));
        shares
    }
}

/// Which images were counted in which group.
#[derive(Default)]
struct Seen<'a>(HashSet<(Group<'a>, &'a str)>);

#[derive(PartialEq, Eq, Hash)]
enum Group<'a> {
    Verdict(Verdict),
    Nodes(u32),
    Repository(&'a str),
}

impl<'a> Seen<'a> {
    /// An artifact that is on no node has one row.
    fn is_new(&mut self, group: Group<'a>, id: Option<&'a str>) -> bool {
        id.is_none_or(|id| self.0.insert((group, id)))
    }
}

fn add(sum: &mut u64, bytes: u64) {
    *sum = sum.saturating_add(bytes);
}
