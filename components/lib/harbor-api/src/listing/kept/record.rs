//! How rows stand in the store: a key for each repository, in the order of rows; the mark of Harbor's last change as the version;
//! the rows as the value.

use crate::listing::overview::RepositoryCount;
use crate::repository_name::RepositoryName;
use crate::store::Entry;
use crate::word;
use image_model::types::{Artifact, Project, Registry};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use stored_rows::{Chunks, Miss, Rows};

/// The version of values and of [`Meta`]. It changes with their fields.
const VERSION: u32 = 2;

/// A character that no name has, and that comes before all others: `a/x` comes before `a-b/x`, as rows do.
const END: u8 = 0;

/// The key of one value of a repository. Most repositories have one; the rows of a very long one need several.
pub(super) fn key(name: &RepositoryName, number: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.project.len() + name.name.len() + 4);
    key.extend_from_slice(name.project.as_bytes());
    key.push(END);
    key.extend_from_slice(name.name.as_bytes());
    key.push(END);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The repository of a key, and the number of its value.
pub(super) fn parse_key(key: &[u8]) -> Option<(RepositoryName, u16)> {
    let (names, number) = key.split_at_checked(key.len().checked_sub(2)?)?;
    let mut names = str::from_utf8(names).ok()?.split(char::from(END));
    let (project, name) = (names.next()?, names.next()?);
    let name = RepositoryName { project: project.to_owned(), name: name.to_owned() };
    (names.next() == Some("") && names.next().is_none()).then_some((name, u16::from_be_bytes(number.try_into().ok()?)))
}

/// What Harbor said of a repository when its rows were read. As long as it says the same, the rows are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// `update_time`, in microseconds.
    pub(super) updated: i64,
    pub(super) artifacts: u64,
    /// Values that hold the rows.
    pub(super) values: u16,
}

impl Mark {
    /// The mark of rows in so many values; `None` where Harbor does not say enough.
    pub(super) fn of(repository: &RepositoryCount, values: u16) -> Option<Self> {
        Some(Self { updated: repository.updated?.microseconds()?, artifacts: repository.artifacts?, values })
    }

    /// Whether Harbor says of the repository now what it said then.
    pub(super) fn is_of(self, repository: &RepositoryCount) -> bool {
        Self::of(repository, self.values) == Some(self)
    }

    fn to_bytes(self) -> Vec<u8> {
        [&self.updated.to_be_bytes()[..], &self.artifacts.to_be_bytes(), &self.values.to_be_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (updated, rest) = bytes.split_first_chunk()?;
        let (artifacts, values) = rest.split_first_chunk()?;
        Some(Self {
            updated: i64::from_be_bytes(*updated),
            artifacts: u64::from_be_bytes(*artifacts),
            values: u16::from_be_bytes(values.try_into().ok()?),
        })
    }
}

/// A row in the store.
#[derive(Serialize, Deserialize)]
struct StoredArtifact<'a> {
    digest: Cow<'a, str>,
    size: u64,
    tags: Cow<'a, [String]>,
    #[serde(with = "word")]
    kind: Cow<'a, str>,
    #[serde(with = "word")]
    media_type: Cow<'a, str>,
    pushed: Option<u64>,
    pulled: Option<u64>,
    children: Cow<'a, [String]>,
}

impl<'a> StoredArtifact<'a> {
    fn of(artifact: &'a Artifact) -> Self {
        let Artifact { digest, size, tags, kind, media_type, pushed, pulled, children } = artifact;
        Self {
            digest: Cow::Borrowed(digest),
            size: *size,
            tags: Cow::Borrowed(tags),
            kind: Cow::Borrowed(kind),
            media_type: Cow::Borrowed(media_type),
            pushed: *pushed,
            pulled: *pulled,
            children: Cow::Borrowed(children),
        }
    }

    fn into_row(self) -> Artifact {
        let Self { digest, size, tags, kind, media_type, pushed, pulled, children } = self;
        Artifact {
            digest: digest.into_owned(),
            size,
            tags: tags.into_owned(),
            kind: kind.into_owned(),
            media_type: media_type.into_owned(),
            pushed,
            pulled,
            children: children.into_owned(),
        }
    }
}

/// The entries of a repository; `None` where Harbor does not say enough of it to keep them.
pub(super) fn entries(repository: &RepositoryCount, artifacts: &[Artifact]) -> Option<Vec<Entry>> {
    let mut rows = Chunks::default();
    artifacts.iter().for_each(|artifact| rows.push(&StoredArtifact::of(artifact)));
    let mut values = rows.into_values();
    if values.is_empty() {
        values.push(Rows::default());
    }
    let mark = Mark::of(repository, u16::try_from(values.len()).ok()?)?.to_bytes();
    let entry = |(number, rows): (u16, Rows)| {
        let key = key(&repository.name, number);
        let value = rows.seal(VERSION, &key);
        Entry { key, version: mark.clone(), value }
    };
    Some((0..).zip(values).map(entry).collect())
}

/// The rows of a value.
pub(super) fn artifacts(key: &[u8], value: Vec<u8>) -> Result<Vec<Artifact>, Miss> {
    let rows = Rows::open(VERSION, key, value)?.all::<StoredArtifact<'_>>()?;
    Ok(rows.into_iter().map(StoredArtifact::into_row).collect())
}

/// A sum over the rows of a value; `None` of a value that is damaged. It is the same in any order of rows, as Harbor gives artifacts
/// of one moment in any, and whatever the times of pulls, as Harbor writes those later than the mark.
pub(super) fn sum(key: &[u8], value: Vec<u8>) -> Option<u64> {
    let hash = |row: &Artifact| {
        let Artifact { digest, size, tags, kind, media_type, pushed, pulled: _, children } = row;
        let mut hasher = DefaultHasher::new();
        (digest, size, tags, kind, media_type, pushed, children).hash(&mut hasher);
        hasher.finish()
    };
    Some(artifacts(key, value).ok()?.iter().map(hash).fold(0, u64::wrapping_add))
}

/// What all kept rows together are worth.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(super) struct Meta {
    /// Harbor's version. Another one may mark changes in another way.
    pub(super) harbor: String,
    /// Whether the rows of all repositories are there.
    pub(super) complete: bool,
    /// How many repositories they are of, so that a later listing notices what the store lost.
    pub(super) count: u64,
    /// Why nothing is kept.
    pub(super) off: Option<String>,
    /// The newest `update_time` of all, in microseconds.
    pub(super) newest: Option<i64>,
    /// What Harbor's clock showed at the beginning of the listing that committed this, in microseconds.
    pub(super) asked: Option<i64>,
    /// Seconds from the beginning of the last whole listing to the commit of this.
    pub(super) whole_age: u64,
    /// The revision at which rows changed last; `None` where the commit of this changed some.
    pub(super) content: Option<u64>,
}

const META_KEY: &[u8] = b"meta";

/// The key of the [`Overview`]. No name begins with this byte, which is no UTF-8.
pub(super) const OVERVIEW_KEY: &[u8] = b"\xffoverview";

/// What the end of a listing tells besides rows.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(in crate::listing) struct Overview {
    pub(in crate::listing) registry: Registry,
    pub(in crate::listing) projects: Vec<Project>,
}

impl Overview {
    /// The entry, whose version tells it from other overviews; `None` where it is larger than a value may be.
    pub(super) fn entry(&self) -> Option<Entry> {
        let mut rows = Rows::default();
        rows.push(self);
        let is_small = rows.len() <= stored_rows::MAX_VALUE_BYTES;
        let value = rows.seal(VERSION, OVERVIEW_KEY);
        let version = stored_rows::checksum_of(&value).to_vec();
        is_small.then(|| Entry { key: OVERVIEW_KEY.to_vec(), version, value })
    }

    pub(super) fn from_value(value: Vec<u8>) -> Option<Self> {
        Rows::open(VERSION, OVERVIEW_KEY, value).ok()?.all().ok()?.pop()
    }
}

impl Meta {
    /// Of rows that are read now.
    pub(super) fn new(harbor: &str) -> Self {
        Self {
            harbor: harbor.to_owned(),
            complete: false,
            count: 0,
            off: None,
            newest: None,
            asked: None,
            whole_age: 0,
            content: None,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut rows = Rows::default();
        rows.push(self);
        rows.seal(VERSION, META_KEY)
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        Rows::open(VERSION, META_KEY, bytes).ok()?.all().ok()?.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Time;

    fn repository(full_name: &str, artifacts: u64) -> RepositoryCount {
        let name = RepositoryName::new(full_name.split('/').next().unwrap(), full_name);
        RepositoryCount { name, artifacts: Some(artifacts), updated: Some(Time(Some((7, 590_000_000)))) }
    }

    #[test]
    fn keys_are_ordered_as_rows_are() {
        let names = ["a/x", "a/x-y", "a/x/y", "a-b/a", "a-b/x", "b/a"];
        let keys: Vec<Vec<u8>> = names.iter().map(|name| key(&repository(name, 1).name, 0)).collect();
        assert!(keys.is_sorted());
        let mut rows: Vec<RepositoryName> = names.iter().map(|name| repository(name, 1).name).collect();
        rows.sort();
        let read: Vec<RepositoryName> = keys.iter().map(|key| parse_key(key).unwrap().0).collect();
        assert_eq!(read, rows);
    }

    #[test]
    fn a_key_that_is_none_of_ours_is_nothing() {
        for key in [&b""[..], b"a", b"a\0b", b"a\0b\0", b"a\0b\0\0", b"a\0b\0c\0\0\0", b"\xff\0b\0\0\0"] {
            assert_eq!(parse_key(key), None, "{key:?}");
        }
    }

    #[test]
    fn entries_read_back() {
        let row = |number: usize| Artifact {
            digest: "d".repeat(71),
            size: 5,
            tags: vec![format!("t{number}")],
            kind: "IMAGE".to_owned(),
            media_type: "application/x-new".to_owned(),
            pushed: Some(7),
            pulled: None,
            children: vec!["c".to_owned()],
        };
        for count in [0, 1, 30_000] {
            let artifacts: Vec<Artifact> = (0..count).map(row).collect();
            let repository = repository("a/b", 3);
            let entries = entries(&repository, &artifacts).unwrap();
            let mark = Mark::from_bytes(&entries[0].version).unwrap();
            assert!(mark.is_of(&repository) && usize::from(mark.values) == entries.len());
            let read = entries.into_iter().flat_map(|entry| super::artifacts(&entry.key, entry.value).unwrap());
            assert_eq!(read.collect::<Vec<_>>(), artifacts);
        }
    }

    #[test]
    fn a_repository_of_which_harbor_does_not_say_enough_is_not_kept() {
        let mut unknown = repository("a/b", 3);
        unknown.updated = None;
        assert_eq!(entries(&unknown, &[]), None);
    }
}
