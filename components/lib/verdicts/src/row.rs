//! A row of the inventory, as answers show it. It borrows everything.

use crate::config::Outdated;
use crate::digest::DigestText;
use crate::inventory::Inventory;
use crate::node_rows::NodeRow;
use crate::reason::Reason;
use crate::verdict::Verdicts;
use crate::version_tag::VersionTag;
use std::borrow::Cow;

/// The number of a row: first the references on nodes, then the artifacts that are on no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowNumber(pub(crate) u32);

/// A row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    inventory: &'a Inventory,
    which: Which<'a>,
}

#[derive(Clone, Copy)]
enum Which<'a> {
    OnNodes(&'a NodeRow, usize),
    OnlyInRegistry(u32),
}

/// The artifact of the registry that a row is about.
#[derive(Clone, Copy)]
pub struct RegistryArtifact<'a> {
    inventory: &'a Inventory,
    number: u32,
}

impl Inventory {
    /// The number of rows.
    pub fn rows(&self) -> u32 {
        (self.rows.len() + self.only_in_registry.len()) as u32
    }

    /// All rows, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows()).map(|number| self.row(RowNumber(number)))
    }

    /// The row of a number.
    pub fn row(&self, number: RowNumber) -> Row<'_> {
        let index = number.0 as usize;
        let which = match self.rows.get(index) {
            Some(row) => Which::OnNodes(row, index),
            None => Which::OnlyInRegistry(self.only_in_registry[index - self.rows.len()]),
        };
        Row { inventory: self, which }
    }
}

impl<'a> Row<'a> {
    /// The repository with its registry; `None` where the image has no name.
    pub fn repository(&self) -> Option<&'a str> {
        Some(self.inventory.names.get(self.name()?))
    }

    /// The number of the repository among [`Inventory::names`].
    pub(crate) fn name(&self) -> Option<u32> {
        match self.which {
            Which::OnNodes(_, index) => self.inventory.row_names[index],
            Which::OnlyInRegistry(artifact) => Some(self.inventory.artifacts.repository(artifact)),
        }
    }

    /// The tag; the first one of an artifact that is on no node.
    pub fn tag(&self) -> Option<&'a str> {
        match self.which {
            Which::OnNodes(row, _) => row.tag(&self.inventory.nodes),
            Which::OnlyInRegistry(artifact) => self.inventory.artifacts.tags(artifact).next(),
        }
    }

    /// The digest of a reference by digest, or of an artifact that is on no node.
    pub(crate) fn own_digest(&self) -> Option<DigestText<'a>> {
        let digest = match self.which {
            Which::OnNodes(row, _) => row.own_digest?,
            Which::OnlyInRegistry(artifact) => self.inventory.artifacts.digest(artifact),
        };
        Some(self.inventory.digests.text(digest))
    }

    /// What a person pastes to pull it; `None` where the image has no name.
    pub fn reference(&self) -> Option<Cow<'a, str>> {
        match self.which {
            Which::OnNodes(row, _) => row.reference(&self.inventory.nodes).map(Cow::Borrowed),
            Which::OnlyInRegistry(_) => {
                let mut text = String::new();
                self.write_reference(&mut text);
                Some(text.into())
            }
        }
    }

    /// Writes what a person pastes to pull it. Writes nothing where the image has no name.
    pub fn write_reference(&self, text: &mut String) {
        match self.which {
            Which::OnNodes(row, _) => text.push_str(row.reference(&self.inventory.nodes).unwrap_or_default()),
            Which::OnlyInRegistry(_) => {
                text.push_str(self.repository().unwrap_or_default());
                text.push(':');
                text.push_str(self.tag().unwrap_or_default());
            }
        }
    }

    /// The id as `crictl images` prints it; `None` for an artifact that is on no node.
    pub fn image_id(&self) -> Option<&'a str> {
        match self.which {
            Which::OnNodes(row, _) => Some(row.image_id(&self.inventory.nodes)),
            Which::OnlyInRegistry(_) => None,
        }
    }

    /// The repo digests of this repository on nodes; the artifact's where it is on no node.
    pub(crate) fn digests(&self) -> impl Iterator<Item = DigestText<'a>> + Clone + use<'a> {
        let (on_nodes, artifact) = match self.which {
            Which::OnNodes(row, _) => (row.digests.as_slice(), None),
            Which::OnlyInRegistry(artifact) => (&[][..], Some(self.inventory.artifacts.digest(artifact))),
        };
        let digests = &self.inventory.digests;
        on_nodes.iter().copied().chain(artifact).map(|digest| digests.text(digest))
    }

    /// Bytes on a node; as Harbor reports them where it is on no node.
    pub fn bytes(&self) -> u64 {
        match self.which {
            Which::OnNodes(row, _) => row.bytes,
            Which::OnlyInRegistry(artifact) => self.inventory.artifacts.size(artifact),
        }
    }

    /// Whether a node keeps it from garbage collection.
    pub fn pinned(&self) -> bool {
        matches!(self.which, Which::OnNodes(row, _) if row.pinned)
    }

    /// The number of its nodes among [`Inventory::node_sets`].
    pub(crate) fn node_set(&self) -> Option<u32> {
        match self.which {
            Which::OnNodes(_, index) => Some(self.inventory.row_nodes[index]),
            Which::OnlyInRegistry(_) => None,
        }
    }

    /// The nodes that have it, folded as ClusterShell writes them.
    pub fn nodes(&self) -> &'a [String] {
        let inventory = self.inventory;
        self.node_set().map(|set| &*inventory.node_sets[set as usize].folded).unwrap_or_default()
    }

    /// How many nodes have it.
    pub fn node_count(&self) -> u64 {
        self.node_set().map_or(0, |set| self.inventory.node_sets[set as usize].count)
    }

    /// Whether the group of nodes with this number has it.
    pub(crate) fn is_on_group(&self, group: u32) -> bool {
        matches!(self.which, Which::OnNodes(row, _) if row.groups.binary_search(&group).is_ok())
    }

    /// The artifact that the tag names now, else the one that has the digest.
    pub fn artifact(&self) -> Option<RegistryArtifact<'a>> {
        let number = match self.which {
            Which::OnNodes(row, _) => row.artifact(&self.inventory.artifacts)?,
            Which::OnlyInRegistry(artifact) => artifact,
        };
        Some(RegistryArtifact { inventory: self.inventory, number })
    }

    /// The project of Harbor that has it, or would have it.
    pub fn project(&self) -> Option<&'a str> {
        match self.which {
            Which::OnNodes(_, index) => self.inventory.whose[index].location().map(|location| &*location.project),
            Which::OnlyInRegistry(artifact) => {
                Some(self.inventory.artifacts.name(self.inventory.artifacts.repository(artifact)).0)
            }
        }
    }

    /// The tags that lead to the digest, in order.
    pub fn same_digest_tags(&self) -> Vec<&'a str> {
        let artifacts = &self.inventory.artifacts;
        match self.which {
            Which::OnlyInRegistry(artifact) => artifacts.tags(artifact).collect(),
            Which::OnNodes(row, _) => {
                let mut tags: Vec<_> = row.holders.iter().flat_map(|holder| artifacts.tags(*holder)).collect();
                tags.sort_unstable();
                tags.dedup();
                tags
            }
        }
    }

    /// The verdicts. None where Harbor is off.
    pub fn verdicts(&self) -> Verdicts {
        match self.which {
            Which::OnNodes(row, _) => row.verdicts,
            Which::OnlyInRegistry(_) => self.inventory.only_verdicts,
        }
    }

    /// Why a verdict can't be told.
    pub fn reason(&self) -> Option<Reason> {
        match self.which {
            Which::OnNodes(row, _) => row.reason,
            Which::OnlyInRegistry(_) => self.inventory.only_reason,
        }
    }

    /// The newest tag that is comparable with this one and not too far ahead, and how far it is.
    pub fn newer(&self) -> Option<(&'a str, Outdated)> {
        let Which::OnNodes(row, _) = self.which else { return None };
        let newer = self.inventory.artifacts.tag(row.newer?);
        let distance = VersionTag::read(self.tag()?)?.distance(&VersionTag::read(newer)?)?;
        Some((newer, distance))
    }
}

impl<'a> RegistryArtifact<'a> {
    /// The project's name, and the repository's name inside it.
    pub fn name(&self) -> (&'a str, &'a str) {
        let artifacts = &self.inventory.artifacts;
        artifacts.name(artifacts.repository(self.number))
    }

    pub(crate) fn digest(&self) -> DigestText<'a> {
        self.inventory.digests.text(self.inventory.artifacts.digest(self.number))
    }

    /// Bytes, as Harbor reports them.
    pub fn bytes(&self) -> u64 {
        self.inventory.artifacts.size(self.number)
    }

    /// Milliseconds since 1970.
    pub fn pushed(&self) -> Option<u64> {
        self.inventory.artifacts.pushed(self.number)
    }

    /// Milliseconds since 1970; `None` where it never was.
    pub fn pulled(&self) -> Option<u64> {
        self.inventory.artifacts.pulled(self.number)
    }
}
