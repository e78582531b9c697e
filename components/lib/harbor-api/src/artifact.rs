//! Artifacts as Harbor describes them.

use crate::dedup::UniqueKey;
use crate::memory::{self, Footprint, MAX_TAGS};
use crate::scope::Named;
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
    /// Empty for an untagged artifact.
    #[serde(default, deserialize_with = "tags")]
    pub(crate) tags: Vec<Tag>,
    #[serde(default)]
    pub(crate) push_time: Option<Time>,
    /// The repository's name with the project's; since Harbor 2.12.
    #[serde(default)]
    pub(crate) repository_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Tag {
    #[serde(default)]
    pub(crate) name: String,
}

/// Reads tags, or the `null` of an untagged artifact.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    struct Tags;
    impl<'de> Visitor<'de> for Tags {
        type Value = Vec<Tag>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of tags")
        }

        fn visit_none<E: Error>(self) -> Result<Vec<Tag>, E> {
            Ok(Vec::new())
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Tag>, D::Error> {
            deserializer.deserialize_seq(self)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Tag>, A::Error> {
            let mut tags = Vec::new();
            while let Some(tag) = items.next_element()? {
                if tags.len() == MAX_TAGS {
                    return Err(A::Error::custom(format!("an artifact with more than {MAX_TAGS} tags")));
                }
                tags.push(tag);
            }
            Ok(tags)
        }
    }
    deserializer.deserialize_option(Tags)
}

/// A time as Harbor writes it, in seconds and nanoseconds; `None` where its text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Option<(i64, u32)>);

impl Time {
    /// Microseconds since 1970.
    pub(crate) fn microseconds(self) -> Option<i64> {
        let (seconds, nanoseconds) = self.0?;
        seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanoseconds) / 1000)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                let time = OffsetDateTime::parse(text, &Rfc3339).ok();
                Ok(Time(time.map(|time| (time.unix_timestamp(), time.nanosecond()))))
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

impl Footprint for Artifact {
    fn bytes(&self) -> usize {
        let tags: usize = self.tags.iter().map(|tag| memory::text(&tag.name)).sum();
        size_of::<Self>() + memory::text(&self.digest) + self.repository_name.as_deref().map_or(0, memory::text) + tags
    }
}

impl Named for Artifact {
    fn full_name(&self) -> Option<&str> {
        self.repository_name.as_deref()
    }

    fn is_bare(&self) -> bool {
        self.tags.is_empty()
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

impl Footprint for RepositoryArtifact {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl Named for RepositoryArtifact {
    fn full_name(&self) -> Option<&str> {
        self.0.full_name()
    }

    fn is_bare(&self) -> bool {
        self.0.is_bare()
    }
}
