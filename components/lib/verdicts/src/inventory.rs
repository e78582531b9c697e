//! The whole picture: what nodes have, what the registry has, and the verdict of each row.

use crate::artifacts::Artifacts;
use crate::config::{Config, Outdated};
use crate::digest::Digests;
use crate::evidence::Evidence;
use crate::hosts::Hosts;
use crate::location::Whose;
use crate::names::Names;
use crate::node_rows::{self, NodeRow};
use crate::reason::Reason;
use crate::verdict::{Verdict, Verdicts};
use crate::{disagreement, judge, matching, node_set, outdated};
use image_model::types::{ListingBegin, ListingEnd, NodeListing, NodeState, Repository};
use std::cell::Cell;
use std::collections::HashMap;

/// Takes up a listing of the registry while it arrives.
#[derive(Debug)]
pub struct Builder {
    config: Config,
    digests: Digests,
    artifacts: Artifacts,
}

/// All rows with their verdicts. It holds everything that it needs, so a caller may keep it for the next query.
#[derive(Debug)]
pub struct Inventory {
    pub(crate) config: Config,
    pub(crate) evidence: Evidence,
    pub(crate) digests: Digests,
    pub(crate) artifacts: Artifacts,
    pub(crate) nodes: NodeListing,
    pub(crate) begin: Cell<ListingBegin>,
    pub(crate) end: ListingEnd,
    pub(crate) rows: Vec<NodeRow>,
    /// For each row of `rows`: whose it is, its repository's number in `names`, and its nodes' number in `node_sets`.
    pub(crate) whose: Vec<Whose>,
    pub(crate) row_names: Vec<Option<u32>>,
    pub(crate) row_nodes: Vec<u32>,
    /// The artifacts that are on no node, and the verdict of each of them.
    pub(crate) only_in_registry: Vec<u32>,
    pub(crate) only_verdicts: Verdicts,
    pub(crate) only_reason: Option<Reason>,
    /// The repositories of the registry with its host, in the order of their numbers, then those of the nodes.
    pub(crate) names: Names,
    pub(crate) node_sets: Vec<NodeSet>,
}

/// The nodes that have a row.
#[derive(Debug)]
pub(crate) struct NodeSet {
    /// Folded: `gpu-[1-41,43]`.
    pub(crate) folded: Vec<String>,
    pub(crate) count: u64,
    /// How many of them answered.
    pub(crate) answered: u64,
}

impl Builder {
    /// Begins without any artifact.
    pub fn new(config: Config) -> Self {
        Self { config, digests: Digests::default(), artifacts: Artifacts::default() }
    }

    /// Takes the next rows of the registry's listing.
    pub fn push(&mut self, repositories: Vec<Repository>) {
        for repository in repositories {
            self.artifacts.push(&mut self.digests, repository);
        }
    }

    /// Compares.
    pub fn finish(mut self, nodes: NodeListing, begin: ListingBegin, end: ListingEnd) -> Inventory {
        let evidence = Evidence::new(&self.config, &end);
        let own_names = end.registry.as_ref().map(|registry| &*registry.hosts).unwrap_or_default();
        // Who is not logged in is told no names. Those of an earlier answer count as well.
        let are_told = evidence.distrust().is_none() || !own_names.is_empty();
        let hosts = Hosts::new(&self.config, are_told.then_some(own_names));
        if self.config.url.is_none() || evidence.distrust().is_some() {
            // The few rows that nobody needs a login for are never the registry's content.
            self.artifacts = Artifacts::default();
        }
        let rows = node_rows::collect(&nodes, &mut self.digests);
        let whose = whose(&hosts, &rows, &nodes);
        let (names, row_names) = names(&hosts, &self.artifacts, &rows, &nodes);
        let (node_sets, row_nodes) = node_sets(&rows, &nodes);
        let mut inventory = Inventory {
            config: self.config,
            evidence,
            digests: self.digests,
            artifacts: self.artifacts,
            nodes,
            begin: Cell::new(begin),
            end,
            rows,
            whose,
            row_names,
            row_nodes,
            only_in_registry: Vec::new(),
            only_verdicts: Verdicts::NONE,
            only_reason: None,
            names,
            node_sets,
        };
        inventory.match_artifacts();
        inventory.judge();
        inventory
    }
}

impl Inventory {
    /// Notes that a listing began so, whose rows are the same.
    pub fn renew(&self, begin: ListingBegin) {
        self.begin.set(begin);
    }

    fn match_artifacts(&mut self) {
        let sought: Vec<_> =
            self.rows.iter().zip(&self.whose).map(|(row, whose)| (row.tag(&self.nodes), whose.location())).collect();
        let on_a_node = matching::match_rows(&self.artifacts, &mut self.rows, &sought);
        let artifacts = &self.artifacts;
        for repository in 0..artifacts.repositories() {
            let (project, _) = artifacts.name(repository);
            let mirrors = self.config.mirrors.iter().any(|(_, mirror)| mirror == project);
            if mirrors || self.evidence.project(project).is_some_and(|facts| facts.proxy_cache) {
                continue;
            }
            self.only_in_registry.extend(artifacts.of_repository(repository).filter(|artifact| {
                artifacts.is_image(*artifact)
                    && !artifacts.tag_numbers(*artifact).is_empty()
                    && !on_a_node[*artifact as usize]
            }));
        }
        let nodes = || self.nodes.groups.iter().flat_map(|group| &group.nodes);
        if nodes().any(|node| node.state == NodeState::Answered) {
            self.only_verdicts = Verdict::OnNoNode.into();
        } else {
            self.only_verdicts = Verdict::Unknown.into();
            self.only_reason = Some(Reason::NoNodeAnswered);
        }
    }

    /// Gives each row of the nodes its verdicts.
    pub(crate) fn judge(&mut self) {
        if self.config.url.is_none() {
            return;
        }
        for (row, whose) in self.rows.iter_mut().zip(&self.whose) {
            (row.verdicts, row.reason) = match judge::judge(row, whose, &self.artifacts, &self.evidence) {
                Ok(verdict) => (verdict.into(), None),
                Err(reason) => (Verdict::Unknown.into(), Some(reason)),
            };
        }
        self.mark_outdated();
        disagreement::mark(&self.nodes, &self.artifacts, &mut self.rows);
    }

    fn mark_outdated(&mut self) {
        if self.config.outdated == Outdated::Off {
            return;
        }
        let sought: Vec<_> = self
            .rows
            .iter()
            .zip(&self.whose)
            .map(|(row, whose)| {
                let location = whose.location().filter(|location| !judge::is_proxied(location, &self.evidence));
                let told = !row.verdicts.contains(Verdict::Unknown);
                (row.tag(&self.nodes), location.filter(|_| told))
            })
            .collect();
        outdated::mark(&self.artifacts, self.config.outdated, &mut self.rows, &sought);
    }
}

fn whose(hosts: &Hosts, rows: &[NodeRow], nodes: &NodeListing) -> Vec<Whose> {
    rows.iter().map(|row| Whose::of(hosts, row.repository(nodes))).collect()
}

fn names(hosts: &Hosts, artifacts: &Artifacts, rows: &[NodeRow], nodes: &NodeListing) -> (Names, Vec<Option<u32>>) {
    let mut names = Names::default();
    for repository in 0..artifacts.repositories() {
        names.push(&[hosts.pull(), "/", artifacts.full_name(repository)]);
    }
    let mut known: HashMap<&str, u32> = HashMap::new();
    let numbers = rows.iter().map(|row| {
        let name = row.repository(nodes)?;
        Some(*known.entry(name).or_insert_with(|| names.push(&[name])))
    });
    let numbers = numbers.collect();
    names.seal();
    (names, numbers)
}

fn node_sets(rows: &[NodeRow], nodes: &NodeListing) -> (Vec<NodeSet>, Vec<u32>) {
    let mut sets = Vec::new();
    let mut known: HashMap<&[u32], u32> = HashMap::new();
    let numbers = rows.iter().map(|row| {
        *known.entry(&row.groups).or_insert_with(|| {
            let members = || row.groups.iter().flat_map(|group| &nodes.groups[*group as usize].nodes);
            sets.push(NodeSet {
                folded: node_set::fold(members().map(|node| node.name.as_str())),
                count: members().count() as u64,
                answered: members().filter(|node| node.state == NodeState::Answered).count() as u64,
            });
            sets.len() as u32 - 1
        })
    });
    let numbers = numbers.collect();
    (sets, numbers)
}
