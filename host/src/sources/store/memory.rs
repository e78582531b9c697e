//! The store in memory: the rows are gone when the program ends.

use super::bounds::{MAX_NAMES, MAX_PAGE_BYTES, Room, entry_bytes, name_bytes};
use super::model::{Backend, Commit, Entry, Error, Head, Id, Page, Query, new_revision};
use bytes::Bytes;
use image_service_memory::{BUDGET, Purpose};
use image_service_telemetry::metrics::{StoreBytes, StorePlace};
use image_service_telemetry::moment::Moment;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By so many bytes, a commit may make a name larger while memory is short.
const SMALL_GROWTH: u64 = 64 * 1024;

/// Entries in memory. The program has one for its whole life, because a reload must not lose the rows.
#[derive(Debug)]
pub(super) struct Memory {
    names: Mutex<HashMap<[u8; 16], Name>>,
    kept: StoreBytes,
}

impl Default for Memory {
    fn default() -> Self {
        Self { names: Mutex::default(), kept: StoreBytes::new(StorePlace::Memory) }
    }
}

/// One name with its entries.
#[derive(Debug)]
struct Name {
    scope: [u8; 16],
    revision: u64,
    meta: Vec<u8>,
    /// When a commit set `meta`.
    meta_set: Moment,
    /// The place in the order of commits.
    committed: u64,
    bytes: u64,
    entries: BTreeMap<Vec<u8>, (Bytes, Bytes)>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Name>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same store within a bound.
    pub(super) fn within(&self, room: Room) -> BoundedMemory<'_> {
        BoundedMemory { memory: self, room }
    }
}

/// The memory, and the bound of the present configuration.
pub(super) struct BoundedMemory<'a> {
    memory: &'a Memory,
    room: Room,
}

impl Backend for BoundedMemory<'_> {
    fn head(&self, id: &Id) -> Result<Option<Head>, Error> {
        let names = self.memory.lock();
        let Some(name) = names.get(&id.digest) else { return Ok(None) };
        Ok(Some(Head {
            revision: name.revision,
            meta: name.meta.clone(),
            age: name.meta_set.age().as_secs(),
            bytes: name.bytes,
            quota: self.room.quota(),
        }))
    }

    fn read(&self, id: &Id, query: &Query) -> Result<Page, Error> {
        let names = self.memory.lock();
        let Some(name) = names.get(&id.digest) else { return Ok(Page::default()) };
        let mut page = Page { revision: Some(name.revision), ..Page::default() };
        match query {
            Query::After { after, max_bytes, values } => {
                let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
                let entries = name.entries.range::<Vec<u8>, _>((from, Bound::Unbounded));
                fill(&mut page, entries, *max_bytes, *values);
            }
            Query::Keys(keys) => {
                let entries = keys.iter().filter_map(|key| name.entries.get_key_value(key));
                fill(&mut page, entries, MAX_PAGE_BYTES, true);
            }
        }
        Ok(page)
    }

    fn commit(&self, id: &Id, base: Option<u64>, commit: &Commit) -> Result<u64, Error> {
        let mut names = self.memory.lock();
        let held = names.get(&id.digest);
        if held.map(|name| name.revision) != base {
            return Err(Error::Conflict);
        }
        let before = held.map_or(0, |name| name.bytes);
        let bytes = bytes_after(held, commit);
        if bytes > self.room.quota() {
            return Err(self.room.refuse_name(bytes));
        }
        let more = bytes.saturating_sub(before);
        // To refuse what hardly takes memory would save none: the component would read all of its source again.
        let purpose = if before > 0 && more <= SMALL_GROWTH { Purpose::Accept } else { Purpose::Keep };
        BUDGET.take(more, purpose).map_err(|exhausted| Error::Full(exhausted.to_string()))?;
        let others = all_bytes(&names) - before;
        let room = make_room(&mut names, id, others + bytes, self.room);
        if room.is_err() {
            self.memory.kept.set(all_bytes(&names));
        }
        room?;
        let revision = new_revision();
        let committed = 1 + names.values().map(|name| name.committed).max().unwrap_or_default();
        let name = names.entry(id.digest).or_insert_with(|| Name {
            scope: id.scope,
            revision,
            meta: Vec::new(),
            meta_set: Moment::now(),
            committed,
            bytes,
            entries: BTreeMap::new(),
        });
        for (key, effect) in &commit.effects {
            match effect {
                Some(entry) => name.entries.insert(key.clone(), entry.clone()),
                None => name.entries.remove(key),
            };
        }
        if let Some(meta) = &commit.meta {
            name.meta.clone_from(meta);
            name.meta_set = Moment::now();
        }
        (name.revision, name.committed, name.bytes) = (revision, committed, bytes);
        self.memory.kept.set(all_bytes(&names));
        Ok(revision)
    }
}

/// Fills a page with as many entries as fit, and at least one.
fn fill<'a>(
    page: &mut Page,
    entries: impl Iterator<Item = (&'a Vec<u8>, &'a (Bytes, Bytes))>,
    max_bytes: u64,
    values: bool,
) {
    let mut bytes = 0;
    for (key, (version, value)) in entries {
        let value = if values { &value[..] } else { &[] };
        bytes += entry_bytes(key.len(), version.len(), value.len());
        if bytes > max_bytes && !page.entries.is_empty() {
            page.more = true;
            return;
        }
        page.entries.push(Entry { key: key.clone(), version: version.to_vec(), value: value.to_vec() });
    }
}

fn all_bytes(names: &HashMap<[u8; 16], Name>) -> u64 {
    names.values().map(|name| name.bytes).sum()
}

/// The bytes that a name has after a commit.
fn bytes_after(held: Option<&Name>, commit: &Commit) -> u64 {
    let meta = commit.meta.as_ref().or_else(|| held.map(|name| &name.meta)).map_or(0, Vec::len);
    let before = held.map_or(0, |name| name.bytes - name_bytes(name.meta.len()));
    let size = |key: &[u8], entry: &(Bytes, Bytes)| entry_bytes(key.len(), entry.0.len(), entry.1.len());
    let added: u64 = commit.effects.iter().filter_map(|(key, effect)| Some(size(key, effect.as_ref()?))).sum();
    let replaced = commit.effects.keys().filter_map(|key| Some(size(key, held?.entries.get(key)?)));
    name_bytes(meta) + before + added - replaced.sum::<u64>()
}

/// Drops names of other scopes, those with the oldest commits first, until so many bytes of all names fit.
fn make_room(names: &mut HashMap<[u8; 16], Name>, id: &Id, mut bytes: u64, room: Room) -> Result<(), Error> {
    while bytes > room.total || names.len() >= MAX_NAMES && !names.contains_key(&id.digest) {
        let foreign = names.iter().filter(|(_, name)| name.scope != id.scope);
        let Some(oldest) = foreign.min_by_key(|(_, name)| name.committed).map(|(digest, _)| *digest) else {
            return Err(room.refuse_all(bytes));
        };
        bytes -= names.remove(&oldest).map_or(0, |name| name.bytes);
    }
    Ok(())
}
