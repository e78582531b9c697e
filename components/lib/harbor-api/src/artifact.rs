//! Artifacts as Harbor describes them.

use crate::dedup::UniqueKey;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The fields of an artifact that a row needs. Harbor sends far more.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Artifact {
    #[serde(default)]
    pub(crate) digest: String,
    /// Bytes; Harbor leaves zero out.
    #[serde(default)]
    pub(crate) size: Option<u64>,
    /// `null` for an untagged artifact.
    #[serde(default)]
    pub(crate) tags: Option<Vec<Tag>>,
    #[serde(default)]
    pub(crate) push_time: Option<PushTime>,
    /// The repository's name with the project's; since Harbor 2.12.
    #[serde(default)]
    pub(crate) repository_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Tag {
    #[serde(default)]
    pub(crate) name: String,
}

/// The time of an artifact's push, in seconds and nanoseconds; `None` where Harbor's text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PushTime(pub(crate) Option<(i64, u32)>);

impl<'de> Deserialize<'de> for PushTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = PushTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PushTime, E> {
                let time = OffsetDateTime::parse(text, &Rfc3339).ok();
                Ok(PushTime(time.map(|time| (time.unix_timestamp(), time.nanosecond()))))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl UniqueKey for Artifact {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (self.repository_name.as_deref(), &self.digest)
    }
}

/// An artifact in a list of one repository, whose name only some versions of Harbor repeat in each artifact.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct RepositoryArtifact(pub(crate) Artifact);

impl UniqueKey for RepositoryArtifact {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.0.digest)
    }
}
