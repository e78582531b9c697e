//! Rows of recorded answers, as far as a double needs them.

use super::stored::{Accessory, Reference, Stored, Tag};
use super::timestamp::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct ProjectRow {
    pub(super) project_id: u64,
    pub(super) name: String,
    pub(super) creation_time: Timestamp,
    pub(super) metadata: Metadata,
    pub(super) registry_id: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) public: String,
}

#[derive(Deserialize)]
pub(super) struct RepositoryRow {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) project_id: u64,
    pub(super) artifact_count: usize,
    pub(super) pull_count: u64,
    pub(super) creation_time: Timestamp,
    pub(super) update_time: Timestamp,
}

#[derive(Deserialize)]
pub(super) struct ArtifactRow {
    pub(super) id: u64,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) project_id: u64,
    pub(super) repository_id: u64,
    pub(super) repository_name: Option<String>,
    pub(super) push_time: Timestamp,
    pub(super) pull_time: Timestamp,
    pub(super) extra_attrs: Option<Attributes>,
    pub(super) tags: Option<Vec<TagRow>>,
    pub(super) references: Option<Vec<ReferenceRow>>,
    pub(super) accessories: Option<Vec<AccessoryRow>>,
}

#[derive(Deserialize)]
pub(super) struct Attributes {
    pub(super) architecture: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TagRow {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) push_time: Timestamp,
    pub(super) pull_time: Timestamp,
}

#[derive(Deserialize)]
pub(super) struct ReferenceRow {
    pub(super) child_id: u64,
    pub(super) child_digest: String,
    pub(super) platform: Platform,
}

#[derive(Deserialize)]
pub(super) struct Platform {
    pub(super) architecture: String,
}

#[derive(Deserialize)]
pub(super) struct AccessoryRow {
    pub(super) id: u64,
    pub(super) artifact_id: u64,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) creation_time: Timestamp,
}

impl ArtifactRow {
    pub(super) fn children(&self) -> impl Iterator<Item = &ReferenceRow> {
        self.references.iter().flatten()
    }

    pub(super) fn stored(&self) -> Stored {
        let tag =
            |row: &TagRow| Tag { id: row.id, name: row.name.clone(), pushed: row.push_time, pulled: row.pull_time };
        let reference = |row: &ReferenceRow| Reference {
            id: row.child_id,
            digest: row.child_digest.clone(),
            architecture: row.platform.architecture.clone(),
        };
        let accessory = |row: &AccessoryRow| Accessory {
            id: row.id,
            artifact: row.artifact_id,
            digest: row.digest.clone(),
            size: row.size,
            kind: row.kind.clone(),
            created: row.creation_time,
        };
        let architecture = self.extra_attrs.as_ref().and_then(|attributes| attributes.architecture.clone());
        Stored {
            id: self.id,
            digest: self.digest.clone(),
            size: self.size,
            media_type: self.media_type.clone(),
            architecture: architecture.unwrap_or_default(),
            pushed: self.push_time,
            pulled: self.pull_time,
            tags: self.tags.iter().flatten().map(tag).collect(),
            references: self.references.iter().flatten().map(reference).collect(),
            accessories: self.accessories.iter().flatten().map(accessory).collect(),
        }
    }
}
