//! What repositories hold, and how Harbor writes it.

use super::version::Version;
use serde_json::{Value, json};

/// An artifact in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// `sha256:…`
    pub digest: String,
    /// Bytes; Harbor leaves zero out.
    pub size: u64,
    /// Its tags; untagged without any.
    pub tags: Vec<String>,
    /// Seconds since the beginning of 2025.
    pub pushed: usize,
}

/// The artifacts of a repository.
#[derive(Clone, Debug)]
pub enum Artifacts {
    /// So many as [`Artifact::numbered`] makes, when they are asked for.
    Numbered(usize),
    /// These, newest first.
    These(Vec<Artifact>),
}

impl From<usize> for Artifacts {
    fn from(count: usize) -> Self {
        Self::Numbered(count)
    }
}

impl From<Vec<Artifact>> for Artifacts {
    fn from(artifacts: Vec<Artifact>) -> Self {
        Self::These(artifacts)
    }
}

impl Artifact {
    /// The one that was pushed `number` seconds after the beginning of 2025, 1.5 MB with the tag `v` and the number.
    pub fn numbered(number: usize) -> Self {
        Self {
            digest: format!("sha256:{number:064x}"),
            size: 1_500_000,
            tags: vec![format!("v{number}")],
            pushed: number,
        }
    }

    /// As Harbor of this version writes it in the lists of this repository.
    pub(super) fn json(&self, version: Version, repository: &str) -> Value {
        let (day, hour) = (1 + self.pushed / 86_400, self.pushed / 3600 % 24);
        let pushed = format!("2025-01-{day:02}T{hour:02}:{:02}:{:02}.000Z", self.pushed / 60 % 60, self.pushed % 60);
        let tag = |name: &String| json!({"name": name, "push_time": pushed, "immutable": false});
        let mut artifact = json!({
            "digest": self.digest,
            "extra_attrs": {"architecture": "amd64", "os": "linux"},
            "media_type": "application/vnd.oci.image.config.v1+json",
            "pull_time": "0001-01-01T00:00:00.000Z",
            "push_time": pushed,
            "references": null,
            "tags": null,
            "type": "IMAGE",
        });
        if self.size > 0 {
            artifact["size"] = json!(self.size);
        }
        if !self.tags.is_empty() {
            artifact["tags"] = self.tags.iter().map(tag).collect();
        }
        if version == Version::V2_12 {
            artifact["repository_name"] = json!(repository);
            artifact["artifact_type"] = json!("application/vnd.oci.image.config.v1+json");
        }
        artifact
    }
}

impl Artifacts {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Numbered(count) => *count,
            Self::These(artifacts) => artifacts.len(),
        }
    }

    /// `count` of them, after the `skipped` newest ones.
    pub(super) fn newest(&self, skipped: usize, count: usize) -> Vec<Artifact> {
        match self {
            Self::Numbered(all) => (0..all.saturating_sub(skipped)).rev().take(count).map(Artifact::numbered).collect(),
            Self::These(artifacts) => artifacts.iter().skip(skipped).take(count).cloned().collect(),
        }
    }

    /// Those with a tag.
    pub(super) fn tagged(&self) -> Self {
        match self {
            Self::Numbered(count) => Self::Numbered(*count),
            Self::These(artifacts) => {
                Self::These(artifacts.iter().filter(|artifact| !artifact.tags.is_empty()).cloned().collect())
            }
        }
    }

    /// Adds one that is newer than all that are there.
    pub(super) fn push(&mut self) {
        match self {
            Self::Numbered(count) => *count += 1,
            Self::These(artifacts) => {
                let newest = artifacts.first().map_or(0, |artifact| artifact.pushed + 1);
                artifacts.insert(0, Artifact::numbered(newest));
            }
        }
    }

    /// Removes the newest one.
    pub(super) fn delete(&mut self) {
        match self {
            Self::Numbered(count) => *count = count.saturating_sub(1),
            Self::These(artifacts) => drop(artifacts.drain(..1.min(artifacts.len()))),
        }
    }
}
