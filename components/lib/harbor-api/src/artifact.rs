//! Artifacts as Harbor describes them.

use crate::dedup::{ROW_BYTES, UniqueKey};
use crate::memory::MAX_PAGE_BYTES;
use crate::scope::Origin;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
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
    #[serde(default, deserialize_with = "named_tags")]
    pub(crate) tags: Option<Vec<Tag>>,
    #[serde(default)]
    pub(crate) push_time: Option<PushTime>,
    /// The repository's name with the project's; since Harbor 2.12.
    #[serde(default)]
    pub(crate) repository_name: Option<String>,
    #[serde(default)]
    pub(crate) project_id: Option<i64>,
    #[serde(default)]
    pub(crate) repository_id: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Tag {
    #[serde(default)]
    pub(crate) name: String,
}

/// Reads tags, without those that have no name. Of more tags than a page may have, it keeps just too many.
fn named_tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Tag>>, D::Error> {
    struct Tags;
    impl<'de> Visitor<'de> for Tags {
        type Value = Option<Vec<Tag>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of tags")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let (mut tags, mut bytes) = (Vec::new(), 0);
            while let Some(tag) = items.next_element::<Tag>()? {
                if !tag.name.is_empty() && bytes <= MAX_PAGE_BYTES {
                    bytes += ROW_BYTES + tag.name.len();
                    tags.push(tag);
                }
            }
            Ok(Some(tags))
        }
    }
    deserializer.deserialize_any(Tags)
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

    fn origin(&self) -> Origin<'_> {
        let Self { project_id, repository_id, .. } = *self;
        Origin { repository: self.repository_name.as_deref(), project_id, repository_id }
    }

    fn bytes(&self) -> usize {
        let tags = self.tags.as_deref().unwrap_or_default();
        // Each tag becomes a row with a copy of the digest.
        let row = ROW_BYTES + self.digest.len();
        let names: usize = tags.iter().map(|tag| tag.name.len()).sum();
        let repository = self.repository_name.as_ref().map_or(0, String::len);
        row.saturating_mul(tags.len().max(1)).saturating_add(names + repository)
    }

    fn is_empty(&self) -> bool {
        self.digest.is_empty() && self.tags.as_ref().is_none_or(Vec::is_empty)
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

    fn origin(&self) -> Origin<'_> {
        self.0.origin()
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
