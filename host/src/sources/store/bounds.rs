//! The bounds of wit/store.wit, and how bytes are counted.

use super::model::{Changes, Entry, Error, Query};

pub(crate) const MAX_NAME_BYTES: usize = 128;
pub(crate) const MAX_KEY_BYTES: usize = 512;
pub(crate) const MAX_VERSION_BYTES: usize = 64;
pub(crate) const MAX_VALUE_BYTES: usize = 1024 * 1024;
pub(crate) const MAX_META_BYTES: usize = 64 * 1024;
pub(crate) const MAX_PAGE_BYTES: u64 = 1024 * 1024;
pub(crate) const MAX_COMMIT_BYTES: u64 = 8 * 1024 * 1024;

/// What an entry or a name costs besides its bytes.
const OVERHEAD_BYTES: u64 = 64;
/// Most names with entries, of all scopes.
pub(super) const MAX_NAMES: usize = 64;

/// The bytes that an entry counts for.
pub(super) fn entry_bytes(key: usize, version: usize, value: usize) -> u64 {
    OVERHEAD_BYTES + (key + version + value) as u64
}

/// The bytes that a name counts for besides its entries.
pub(super) fn name_bytes(meta: usize) -> u64 {
    OVERHEAD_BYTES + meta as u64
}

/// How much the store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of all names together.
    pub(super) total: u64,
    /// The config key that sets it.
    pub(super) key: &'static str,
    /// The value of that key.
    pub(super) configured: u64,
}

impl Room {
    /// Bytes of one name. No name takes the room of all others.
    pub(super) fn quota(&self) -> u64 {
        self.total / 2
    }

    /// The refusal of a commit that would fill its name with so many bytes.
    pub(super) fn refuse_name(&self, bytes: u64) -> Error {
        self.refuse("a name of the store", bytes, self.quota())
    }

    /// The refusal of a commit that would fill all names together with so many bytes.
    pub(super) fn refuse_all(&self, bytes: u64) -> Error {
        self.refuse("the store with all of its names", bytes, self.total)
    }

    fn refuse(&self, whose: &str, bytes: u64, most: u64) -> Error {
        let Self { key, configured, .. } = self;
        Error::Full(format!(
            "{whose} would take {bytes} bytes, more than the {most} of {key} ({configured}); raise {key}"
        ))
    }
}

impl Query {
    /// The most bytes that the host holds for it: the keys, and a page.
    pub(crate) fn max_bytes(&self) -> usize {
        let (keys, page) = match self {
            Self::After { after, max_bytes, .. } => (after.as_ref().map_or(0, Vec::len), *max_bytes),
            Self::Keys(keys) => (keys.iter().map(|key| size_of_val(key) + key.len()).sum(), u64::MAX),
        };
        keys + usize::try_from(page.min(MAX_PAGE_BYTES)).unwrap_or(usize::MAX)
    }
}

impl Changes {
    /// The bytes that the host holds for them.
    pub(crate) fn bytes(&self) -> usize {
        let deletes = self.deletes.iter().map(|key| size_of_val(key) + key.len());
        let puts = self.puts.iter().map(|Entry { key, version, value }| key.len() + version.len() + value.len());
        let puts = puts.map(|bytes| size_of::<Entry>() + bytes);
        deletes.chain(puts).sum::<usize>() + self.meta.as_ref().map_or(0, Vec::len)
    }
}

/// Checks the length of a name.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    within("a name", name.len(), 1, MAX_NAME_BYTES)
}

/// Checks the keys of a `get`.
pub(super) fn check_keys(keys: &[Vec<u8>]) -> Result<(), Error> {
    keys.iter().try_for_each(|key| check_key(key))?;
    let bytes: u64 = keys.iter().map(|key| entry_bytes(key.len(), 0, 0)).sum();
    total("the keys of one `get`", bytes, MAX_PAGE_BYTES)
}

/// Checks a commit.
pub(super) fn check_changes(changes: &Changes) -> Result<(), Error> {
    let Changes { deletes, puts, meta } = changes;
    deletes.iter().try_for_each(|key| check_key(key))?;
    for Entry { key, version, value } in puts {
        check_key(key)?;
        within("a version", version.len(), 0, MAX_VERSION_BYTES)?;
        within("a value", value.len(), 0, MAX_VALUE_BYTES)?;
    }
    let meta = meta.as_ref().map_or(0, Vec::len);
    within("the meta of a name", meta, 0, MAX_META_BYTES)?;
    let deleted: u64 = deletes.iter().map(|key| entry_bytes(key.len(), 0, 0)).sum();
    let written: u64 =
        puts.iter().map(|entry| entry_bytes(entry.key.len(), entry.version.len(), entry.value.len())).sum();
    total("a commit", deleted + written + meta as u64, MAX_COMMIT_BYTES)
}

fn check_key(key: &[u8]) -> Result<(), Error> {
    within("a key", key.len(), 1, MAX_KEY_BYTES)
}

fn within(what: &str, length: usize, least: usize, most: usize) -> Result<(), Error> {
    if (least..=most).contains(&length) {
        return Ok(());
    }
    Err(Error::TooLarge(format!("{what} has {least} to {most} bytes in the store, and this one has {length}")))
}

fn total(what: &str, bytes: u64, most: u64) -> Result<(), Error> {
    if bytes <= most {
        return Ok(());
    }
    Err(Error::TooLarge(format!("{what} has at most {most} bytes in the store, and this one has {bytes}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: usize, version: usize, value: usize) -> Changes {
        let entry = Entry { key: vec![1; key], version: vec![2; version], value: vec![3; value] };
        Changes { puts: vec![entry], ..Changes::default() }
    }

    #[test]
    fn what_is_as_large_as_a_bound_is_kept_and_one_byte_more_is_refused() {
        let most = (MAX_KEY_BYTES, MAX_VERSION_BYTES, MAX_VALUE_BYTES);
        assert_eq!(check_changes(&put(most.0, most.1, most.2)), Ok(()));
        for (key, version, value) in [(513, 0, 0), (0, 0, 0), (1, 65, 0), (1, 0, MAX_VALUE_BYTES + 1)] {
            assert!(matches!(check_changes(&put(key, version, value)), Err(Error::TooLarge(_))));
        }
        let meta = |length| Changes { meta: Some(vec![0; length]), ..Changes::default() };
        assert_eq!(check_changes(&meta(MAX_META_BYTES)), Ok(()));
        assert!(check_changes(&meta(MAX_META_BYTES + 1)).is_err());
        assert_eq!((check_name("a"), check_name(&"a".repeat(128))), (Ok(()), Ok(())));
        assert!(check_name("").is_err() && check_name(&"a".repeat(129)).is_err());
    }

    #[test]
    fn the_bytes_of_a_commit_and_of_the_keys_of_a_get_count_together() {
        let puts: Vec<Entry> = (0..8).map(|key| put(1, 0, MAX_VALUE_BYTES - 65).puts.remove(0).at(key)).collect();
        let mut changes = Changes { puts, ..Changes::default() };
        assert_eq!(check_changes(&changes), Ok(()));
        changes.deletes.push(vec![1]);
        let error = check_changes(&changes).unwrap_err().to_string();
        assert_eq!(error, "a commit has at most 8388608 bytes in the store, and this one has 8388673");
        assert_eq!(check_keys(&vec![vec![0; 64]; 8192]), Ok(()));
        assert!(check_keys(&vec![vec![0; 64]; 8193]).is_err());
    }

    impl Entry {
        /// The same entry under another key.
        fn at(mut self, key: u8) -> Self {
            self.key = vec![key];
            self
        }
    }
}
