//! Artifacts as Harbor describes them.

use crate::dedup::UniqueKey;
use crate::memory::{self, Footprint, MAX_CHILDREN, MAX_TAGS};
use crate::scope::Named;
use crate::word::Word;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The fields of an artifact in Harbor's lists that a row needs. Harbor sends far more.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ListedArtifact {
    #[serde(default)]
    pub(crate) digest: String,
    /// Bytes; Harbor leaves zero out.
    #[serde(default)]
    pub(crate) size: Option<u64>,
    /// Empty for an untagged artifact.
    #[serde(default, deserialize_with = "tags")]
    pub(crate) tags: Vec<Tag>,
    #[serde(default, rename = "type")]
    pub(crate) kind: Word,
    #[serde(default)]
    pub(crate) media_type: Word,
    #[serde(default)]
    pub(crate) push_time: Option<Time>,
    /// Long ago where it never was pulled.
    #[serde(default)]
    pub(crate) pull_time: Option<Time>,
    /// The children of an index.
    #[serde(default, deserialize_with = "children")]
    pub(crate) references: Vec<Child>,
    /// The repository's name with the project's; since Harbor 2.12.
    #[serde(default)]
    pub(crate) repository_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Tag {
    #[serde(default)]
    pub(crate) name: String,
}

/// A child of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Child {
    #[serde(default)]
    pub(crate) child_digest: String,
}

/// Reads tags, or the `null` of an untagged artifact.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    bounded_list(deserializer, "tags", MAX_TAGS)
}

/// Reads the children of an index, or the `null` of any other artifact.
fn children<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Child>, D::Error> {
    bounded_list(deserializer, "children", MAX_CHILDREN)
}

/// Reads a list of an artifact, or `null` where it is empty.
fn bounded_list<'de, T, D>(deserializer: D, what: &'static str, most: usize) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct List<T> {
        what: &'static str,
        most: usize,
        item: PhantomData<T>,
    }
    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of {}", self.what)
        }

        fn visit_none<E: Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
            deserializer.deserialize_seq(self)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let Self { what, most, .. } = self;
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() == most {
                    return Err(A::Error::custom(format!("an artifact with more than {most} {what}")));
                }
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_option(List { what, most, item: PhantomData })
}

/// A time as Harbor writes it, in seconds and nanoseconds; `None` where its text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Option<(i64, u32)>);

impl Time {
    /// Milliseconds since 1970; `None` before that, which is how Harbor writes that something never happened.
    pub(crate) fn milliseconds(self) -> Option<u64> {
        let (seconds, nanoseconds) = self.0?;
        u64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add(u64::from(nanoseconds) / 1_000_000)
    }

    /// So many microseconds since 1970.
    pub(crate) fn from_microseconds(microseconds: i64) -> Self {
        let nanoseconds = u32::try_from(microseconds.rem_euclid(1_000_000)).map(|rest| rest.saturating_mul(1000));
        Self(nanoseconds.ok().map(|nanoseconds| (microseconds.div_euclid(1_000_000), nanoseconds)))
    }

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

impl UniqueKey for ListedArtifact {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (self.repository_name.as_deref(), &self.digest)
    }
}

impl Footprint for ListedArtifact {
    fn bytes(&self) -> usize {
        let tags: usize = self.tags.iter().map(|tag| memory::text(&tag.name)).sum();
        let children: usize = self.references.iter().map(|child| memory::text(&child.child_digest)).sum();
        let name = self.repository_name.as_deref().map_or(0, memory::text);
        size_of::<Self>() + memory::text(&self.digest) + name + tags + children
    }
}

impl Named for ListedArtifact {
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
pub(crate) struct RepositoryArtifact(pub(crate) ListedArtifact);

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
