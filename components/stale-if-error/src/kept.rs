//! The last good rows of a source in the store: a value for each megabyte of rows, and a `meta` that says which values they are.
//!
//! More rows than a commit takes need several commits. They write the new rows beside the old ones, under keys of their own; the last
//! commit sets `meta` and removes the old rows. So there is always one whole set of rows.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use stored_rows::{Chunks, Miss, Rows};

/// The version of the rows and of [`Present`]. It changes with their fields.
const VERSION: u32 = 5;
/// Values of one commit, which may have 8 MiB.
const VALUES_OF_A_COMMIT: usize = 8;
/// How often rows are read again that were replaced meanwhile.
const TRIES: usize = 3;

/// A name of the store, as wit/store.wit describes it.
pub(crate) trait Name {
    /// What the name holds; `None` where it holds nothing.
    async fn head(&self) -> Result<Option<Head>, NotKept>;

    /// Keys after this one, and whether there are more.
    async fn keys(&self, after: Option<Vec<u8>>) -> Result<(Vec<Vec<u8>>, bool), NotKept>;

    /// The revision, and the first values of these keys.
    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<(Option<u64>, Vec<Value>), NotKept>;

    /// Makes all of these changes, or none, and gives the new revision.
    async fn commit(&self, base: Option<u64>, changes: Changes) -> Result<u64, NotKept>;
}

/// What a name holds.
pub(crate) struct Head {
    pub(crate) revision: u64,
    pub(crate) meta: Vec<u8>,
    /// Seconds since `meta` was set.
    pub(crate) age: u64,
}

/// A value under its key.
pub(crate) struct Value {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// The changes of a commit.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) deletes: Vec<Vec<u8>>,
    pub(crate) puts: Vec<Value>,
    pub(crate) meta: Option<Vec<u8>>,
}

/// Why the store refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotKept {
    /// Another instance was quicker.
    Conflict,
    /// Any other failure, in a sentence.
    Other(String),
}

/// The content of `meta`: which values are the present rows.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
struct Present {
    /// Counts the sets of rows.
    generation: u32,
    /// The number of values.
    values: u32,
}

impl Present {
    fn keys(self) -> impl Iterator<Item = Vec<u8>> {
        (0..self.values).map(move |value| [self.generation.to_be_bytes(), value.to_be_bytes()].concat())
    }

    fn to_meta(self) -> Vec<u8> {
        let mut rows = Rows::default();
        rows.push(&self);
        rows.seal(VERSION, b"meta")
    }

    fn from_meta(meta: Vec<u8>) -> Result<Self, Miss> {
        let [present] = Rows::open(VERSION, b"meta", meta)?.all()?[..] else { return Err(Miss::Damaged) };
        Ok(present)
    }
}

/// Keeps rows in place of the earlier ones. Says on stderr why the store does not take them.
pub(crate) async fn save(name: &impl Name, source: &str, rows: Chunks) {
    match try_save(name, rows).await {
        // In a conflict, another instance keeps rows that are as new.
        Ok(()) | Err(NotKept::Conflict) => {}
        Err(NotKept::Other(why)) => eprintln!("the host does not keep the rows of {source}: {why}"),
    }
}

async fn try_save(name: &impl Name, rows: Chunks) -> Result<(), NotKept> {
    let head = name.head().await?;
    let mut base = head.as_ref().map(|head| head.revision);
    let earlier = head.and_then(|head| Present::from_meta(head.meta).ok());
    let values = rows.into_values();
    let generation = earlier.map_or(0, |earlier| earlier.generation.wrapping_add(1));
    let present = Present { generation, values: values.len() as u32 };
    let keys: Vec<Vec<u8>> = present.keys().collect();
    let mut deletes = if base.is_some() { all_keys(name).await? } else { Vec::new() };
    deletes.retain(|key| !keys.contains(key));
    let mut values = keys.into_iter().zip(values).map(|(key, rows)| {
        let value = rows.seal(VERSION, &key);
        Value { key, value }
    });
    loop {
        let puts: Vec<Value> = values.by_ref().take(VALUES_OF_A_COMMIT).collect();
        if values.len() == 0 {
            name.commit(base, Changes { deletes, puts, meta: Some(present.to_meta()) }).await?;
            return Ok(());
        }
        base = Some(name.commit(base, Changes { puts, ..Changes::default() }).await?);
    }
}

/// All keys of a name, those of a save that never ended included.
async fn all_keys(name: &impl Name) -> Result<Vec<Vec<u8>>, NotKept> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        let (keys, more) = name.keys(all.last().cloned()).await?;
        all.extend(keys);
        if !more {
            return Ok(all);
        }
    }
}

/// The age in seconds and the rows that were kept last, unless they are older than `max_age` seconds.
pub(crate) async fn load(name: &impl Name, source: &str, max_age: u64) -> Option<(u64, Chunks)> {
    for _ in 0..TRIES {
        let outcome = async {
            let Some(head) = name.head().await?.filter(|head| head.age <= max_age) else { return Ok(None) };
            Ok(Some((head.age, values(name, head).await?)))
        };
        match outcome.await {
            Ok(rows) => return rows,
            // They were replaced while this program read them.
            Err(NotKept::Conflict) => {}
            Err(NotKept::Other(why)) => {
                eprintln!("this program does not use the rows of {source} that are kept: {why}");
                return None;
            }
        }
    }
    None
}

/// The rows of this moment.
async fn values(name: &impl Name, head: Head) -> Result<Chunks, NotKept> {
    let present = Present::from_meta(head.meta).map_err(missed)?;
    let mut keys: Vec<Vec<u8>> = present.keys().collect();
    let mut rows = Chunks::default();
    while !keys.is_empty() {
        let (revision, values) = name.get(keys.clone()).await?;
        if revision != Some(head.revision) {
            return Err(NotKept::Conflict);
        }
        let count = values.len();
        if count == 0 || !values.iter().map(|value| &value.key).eq(&keys[..count.min(keys.len())]) {
            return Err(missed(Miss::Damaged));
        }
        for Value { key, value } in values {
            rows.add(Rows::open(VERSION, &key, value).map_err(missed)?);
        }
        keys.drain(..count);
    }
    Ok(rows)
}

fn missed(miss: Miss) -> NotKept {
    NotKept::Other(miss.to_string())
}
