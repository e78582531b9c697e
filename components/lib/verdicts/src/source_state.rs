//! What is known of the sources: the registry's state, and the failures.

use crate::inventory::Inventory;
use crate::reason::Reason;
use image_model::protocol::{CONTAINERD, HARBOR};
use image_model::types::{Failure, FailureCode, Node, NodeState};

/// What is known of the registry's artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegistryState {
    /// It answered.
    Answered,
    /// It did not answer. The artifacts are those of an earlier answer.
    Stale,
    /// No artifacts are known.
    Unreachable,
    /// It refused the login, or took it for nobody's.
    Denied,
}

impl RegistryState {
    /// Its name in answers.
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Stale => "stale",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
        }
    }
}

/// A node, with what it has.
#[derive(Clone, Copy, Debug)]
pub struct NodeSummary<'a> {
    /// The node.
    pub node: &'a Node,
    /// The images, each counted once.
    pub images: u64,
    /// Their bytes together: at most so much, as images share layers.
    pub bytes: u64,
}

impl Inventory {
    /// The registry's state; `None` where Harbor is off.
    pub fn registry_state(&self) -> Option<RegistryState> {
        self.config.url.as_ref()?;
        let has = |code| self.end.failures.iter().any(|failure| failure.repository.is_none() && failure.code == code);
        Some(match &self.end.registry {
            _ if has(FailureCode::Stale) => RegistryState::Stale,
            Some(registry) if registry.login_counts || self.config.anonymous => RegistryState::Answered,
            None if self.evidence.distrust().is_none() => RegistryState::Answered,
            _ if self.evidence.distrust() == Some(Reason::LoginDoesNotCount) || has(FailureCode::Denied) => {
                RegistryState::Denied
            }
            _ => RegistryState::Unreachable,
        })
    }

    /// All nodes, by name.
    pub fn nodes(&self) -> Vec<NodeSummary<'_>> {
        let mut nodes = Vec::new();
        for group in &self.nodes.groups {
            // An image has several rows in crictl's table.
            let mut images: Vec<_> =
                group.images.iter().map(|image| (image_model::id::short(&image.id), image.size)).collect();
            images.sort_unstable();
            images.dedup_by_key(|(id, _)| *id);
            let bytes = images.iter().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
            nodes.extend(group.nodes.iter().map(|node| NodeSummary { node, images: images.len() as u64, bytes }));
        }
        nodes.sort_unstable_by_key(|summary| &summary.node.name);
        nodes
    }

    /// All failures, with their sources.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &Failure)> {
        let of_nodes = self.nodes.failures.iter().map(|failure| (CONTAINERD, failure));
        of_nodes.chain(self.end.failures.iter().map(|failure| (HARBOR, failure)))
    }
}

/// The name of a node's state in answers.
pub(crate) fn node_state(state: NodeState) -> &'static str {
    match state {
        NodeState::Answered => "answered",
        NodeState::Stale => "stale",
        NodeState::Unreachable => "unreachable",
        NodeState::Denied => "denied",
        NodeState::Waiting => "waiting",
    }
}
