//! What a repository holds: artifacts with the ids and times that Harbor gave them.

use super::artifacts::{Artifact, CHART, IMAGE, INDEX, seconds_of_2025};
use super::timestamp::Timestamp;

/// An artifact as Harbor keeps it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: u64,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) architecture: String,
    pub(super) pushed: Timestamp,
    pub(super) pulled: Timestamp,
    /// In the order of the answers.
    pub(super) tags: Vec<Tag>,
    pub(super) references: Vec<Reference>,
    pub(super) accessories: Vec<Accessory>,
}

#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) pushed: Timestamp,
    pub(super) pulled: Timestamp,
}

/// A child of an index.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) id: u64,
    pub(super) digest: String,
    pub(super) architecture: String,
}

/// A signature, say.
#[derive(Clone, Debug)]
pub(super) struct Accessory {
    pub(super) id: u64,
    pub(super) artifact: u64,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) kind: String,
    pub(super) created: Timestamp,
}

/// What Harbor takes an artifact for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Index,
    Chart,
    Unknown,
}

impl Stored {
    /// As it was pushed. `next` gives ids: of the children, then of the artifact; `next_tag` those of the tags.
    pub(super) fn of(artifact: &Artifact, next: &mut impl FnMut() -> u64, next_tag: &mut u64) -> (Self, Vec<Self>) {
        let children: Vec<Self> = artifact.children.iter().map(|child| Self::of(child, next, next_tag).0).collect();
        let reference = |child: &Self| Reference {
            id: child.id,
            digest: child.digest.clone(),
            architecture: child.architecture.clone(),
        };
        let (pushed, pulled) =
            (seconds_of_2025(artifact.pushed), artifact.pulled.map_or(Timestamp::NEVER, seconds_of_2025));
        let mut stored = Self {
            id: next(),
            digest: artifact.digest.clone(),
            size: artifact.size,
            media_type: artifact.media_type.clone(),
            architecture: artifact.architecture.clone(),
            pushed,
            pulled,
            tags: Vec::new(),
            references: children.iter().map(reference).collect(),
            accessories: Vec::new(),
        };
        for name in &artifact.tags {
            *next_tag += 1;
            stored.tags.push(Tag { id: *next_tag, name: name.clone(), pushed, pulled });
        }
        (stored, children)
    }

    pub(super) fn kind(&self) -> Kind {
        match self.media_type.as_str() {
            INDEX | "application/vnd.docker.distribution.manifest.list.v2+json" => Kind::Index,
            CHART => Kind::Chart,
            IMAGE | "application/vnd.docker.container.image.v1+json" => Kind::Image,
            _ => Kind::Unknown,
        }
    }

    /// The value of `type`.
    pub(super) fn type_name(&self) -> &'static str {
        match self.kind() {
            Kind::Image | Kind::Index => "IMAGE",
            Kind::Chart => "CHART",
            Kind::Unknown => "UNKNOWN",
        }
    }

    pub(super) fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}
