//! What the store keeps, as wit/store.wit describes it.

use bytes::Bytes;
use image_service_telemetry::metrics::CommitOutcome;
use std::collections::BTreeMap;

/// The owner of entries: a name that a component chose, in the scope of the present sources.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    /// A digest of the configured sources.
    pub(super) scope: [u8; 16],
    /// A digest of scope and name. So no name leads to the rows of another source.
    pub(super) digest: [u8; 16],
}

/// What a name holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) revision: u64,
    pub(crate) meta: Vec<u8>,
    /// Seconds since a commit set `meta`.
    pub(crate) age: u64,
    pub(crate) bytes: u64,
    pub(crate) quota: u64,
}

/// A record of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) version: Vec<u8>,
    /// Empty where the query did not ask for values.
    pub(crate) value: Vec<u8>,
}

/// Some of a name's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) revision: Option<u64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) more: bool,
}

/// The entries to read.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    /// Those after a key, or all of them.
    After { after: Option<Vec<u8>>, max_bytes: u64, values: bool },
    /// Those with these keys.
    Keys(Vec<Vec<u8>>),
}

/// The changes of a commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) deletes: Vec<Vec<u8>>,
    pub(crate) puts: Vec<Entry>,
    pub(crate) meta: Option<Vec<u8>>,
}

/// The version and the value of a key after a commit; `None` where the commit removes the key.
pub(super) type Effects = BTreeMap<Vec<u8>, Option<(Bytes, Bytes)>>;

impl Changes {
    /// What happens to each key. Deletes come first, and the last one of several puts counts.
    pub(super) fn into_effects(self) -> (Effects, Option<Vec<u8>>) {
        let removed = self.deletes.into_iter().map(|key| (key, None));
        let written = self.puts.into_iter().map(|entry| (entry.key, Some((entry.version.into(), entry.value.into()))));
        (removed.chain(written).collect(), self.meta)
    }
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The name's revision is not the commit's base.
    #[error("another commit was quicker")]
    Conflict,
    /// The call is beyond a bound of the contract.
    #[error("{0}")]
    TooLarge(String),
    /// There is no room.
    #[error("{0}")]
    Full(String),
    /// Reading or writing failed.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// How the commit ended that got it.
    pub(super) fn outcome(&self) -> CommitOutcome {
        match self {
            Self::Conflict => CommitOutcome::Conflict,
            Self::TooLarge(_) => CommitOutcome::TooLarge,
            Self::Full(_) => CommitOutcome::Full,
            Self::Failed(_) => CommitOutcome::Failed,
        }
    }
}

/// A place for entries. All functions may block.
pub(super) trait Backend: Sync {
    /// What a name holds; `None` where it holds nothing.
    fn head(&self, id: &Id) -> Result<Option<Head>, Error>;

    /// A page of entries.
    fn read(&self, id: &Id, query: &Query) -> Result<Page, Error>;

    /// Makes all changes at the same moment, and gives the new revision.
    fn commit(&self, id: &Id, base: Option<u64>, changes: &Commit) -> Result<u64, Error>;
}

/// A commit, ready to be made. Its bytes are shared, as a commit that fails on a damaged file is made again on a new one.
#[derive(Clone, Debug, Default)]
pub(super) struct Commit {
    pub(super) effects: Effects,
    pub(super) meta: Option<Vec<u8>>,
}

impl From<Changes> for Commit {
    fn from(changes: Changes) -> Self {
        let (effects, meta) = changes.into_effects();
        Self { effects, meta }
    }
}

/// A new revision. It is drawn and not counted, so that no number comes again after the store was lost.
pub(super) fn new_revision() -> u64 {
    fastrand::u64(..)
}
