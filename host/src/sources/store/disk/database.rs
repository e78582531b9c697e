//! The transactions of the store on a redb database: a table of names, and two tables a name. One has the versions, so that reading
//! them reads no value.

use super::super::ages::{Ages, Made};
use super::super::bounds::{MAX_NAMES, MAX_PAGE_BYTES, Room, entry_bytes, name_bytes};
use super::super::model::{Commit, Entry, Error, Head, Id, Page, Query, new_revision};
use super::fault::Fault;
use super::file::StoreFile;
use super::record::{NameRecord, opened, sealed};
use base16ct::lower;
use image_service_telemetry::metrics::StoreBytes;
use redb::{
    Builder, Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition,
    TableError, WriteTransaction,
};
use std::ops::Bound;

/// Most memory for pages of the file.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

pub(super) const FORMAT: TableDefinition<'_, &str, u32> = TableDefinition::new("format");
/// The format of the tables and records. It changes with each of them.
pub(super) const PRESENT_FORMAT: u32 = 2;

const NAMES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("names");

/// The names of the two tables of a name.
struct Tables {
    versions: String,
    values: String,
}

impl Tables {
    fn of(digest: &[u8]) -> Self {
        let digest = lower::encode_string(digest);
        Self { versions: format!("versions {digest}"), values: format!("values {digest}") }
    }

    fn versions(&self) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
        TableDefinition::new(&self.versions)
    }

    fn values(&self) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
        TableDefinition::new(&self.values)
    }
}

/// Opens the database in the file, after a look at every page of it.
pub(super) fn open(file: StoreFile) -> Result<Database, Fault> {
    let mut builder = Builder::new();
    let database = builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).create_with_backend(file)?;
    let read = database.begin_read()?;
    let format = match read.open_table(FORMAT) {
        Ok(table) => table.get("format")?.map(|format| format.value()),
        Err(TableError::TableDoesNotExist(_)) if read.list_tables()?.next().is_none() => {
            let write = database.begin_write()?;
            write.open_table(FORMAT)?.insert("format", PRESENT_FORMAT)?;
            write.open_table(NAMES)?;
            write.commit()?;
            return Ok(database);
        }
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    match format {
        Some(PRESENT_FORMAT) => Ok(database),
        Some(other) => Err(Fault::Damaged(format!("its format is {other}, and this version reads {PRESENT_FORMAT}"))),
        None => Err(Fault::Damaged("another program wrote it".to_owned())),
    }
}

/// The bytes of all names.
pub(super) fn kept_bytes(database: &Database) -> Result<u64, Fault> {
    let mut bytes = 0;
    for record in database.begin_read()?.open_table(NAMES)?.iter()? {
        let (digest, record) = record?;
        bytes += NameRecord::from_bytes(digest.value(), record.value())?.bytes;
    }
    Ok(bytes)
}

/// A use of the open database.
pub(super) struct Session<'a> {
    pub(super) database: &'a Database,
    pub(super) ages: &'a Ages,
    pub(super) kept: &'a StoreBytes,
    pub(super) room: Room,
}

type Records = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Session<'_> {
    pub(super) fn head(&self, id: &Id) -> Result<Option<Head>, Fault> {
        let Some(name) = name(&self.database.begin_read()?, id)? else { return Ok(None) };
        let age = self.ages.age(&id.digest, name.meta_revision, name.meta_set, Made::now());
        let NameRecord { revision, meta, bytes, .. } = name;
        Ok(Some(Head { revision, meta, age, bytes, quota: self.room.quota() }))
    }

    pub(super) fn read(&self, id: &Id, query: &Query) -> Result<Page, Fault> {
        let read = self.database.begin_read()?;
        let Some(name) = name(&read, id)? else { return Ok(Page::default()) };
        let tables = Tables::of(&id.digest);
        let (versions, values) = (read.open_table(tables.versions())?, read.open_table(tables.values())?);
        let mut page = PageInProgress { page: Page { revision: Some(name.revision), ..Page::default() }, bytes: 0 };
        match query {
            Query::After { after, max_bytes, values: with_values } => {
                let from = after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(&key[..]));
                for record in versions.range::<&[u8]>((from, Bound::Unbounded))? {
                    let (key, version) = record?;
                    let values = with_values.then_some(&values);
                    if !page.add(entry(key.value(), version.value(), values)?, *max_bytes) {
                        break;
                    }
                }
            }
            Query::Keys(keys) => {
                for key in keys {
                    let Some(version) = versions.get(&key[..])? else { continue };
                    if !page.add(entry(key, version.value(), Some(&values))?, MAX_PAGE_BYTES) {
                        break;
                    }
                }
            }
        }
        Ok(page.page)
    }

    pub(super) fn commit(&self, id: &Id, base: Option<u64>, commit: &Commit) -> Result<u64, Fault> {
        let write = self.database.begin_write()?;
        let mut names = write.open_table(NAMES)?;
        let held =
            names.get(&id.digest[..])?.map(|record| NameRecord::from_bytes(&id.digest, record.value())).transpose()?;
        if held.as_ref().map(|name| name.revision) != base {
            return Err(Error::Conflict.into());
        }
        let (revision, now) = (new_revision(), Made::now());
        let before = held.as_ref().map_or(0, |name| name.bytes - name_bytes(name.meta.len()));
        let mut name = held.unwrap_or_else(|| NameRecord {
            scope: id.scope,
            revision,
            committed: 0,
            meta_revision: revision,
            meta_set: now,
            bytes: 0,
            meta: Vec::new(),
        });
        if let Some(meta) = &commit.meta {
            name.meta.clone_from(meta);
            (name.meta_revision, name.meta_set) = (revision, now);
        }
        name.revision = revision;
        name.bytes = name_bytes(name.meta.len()) + apply(&write, id, commit, before)?;
        if name.bytes > self.room.quota() {
            return Err(self.room.refuse_name(name.bytes).into());
        }
        let (committed, total) = self.make_room(&write, &mut names, id, name.bytes)?;
        name.committed = committed;
        names.insert(&id.digest[..], &name.to_bytes(&id.digest)?[..])?;
        drop(names);
        write.commit()?;
        self.kept.set(total);
        if name.meta_revision == revision {
            self.ages.begin(&id.digest, revision);
        }
        Ok(revision)
    }

    /// Drops names of other scopes, those with the oldest commits first, until this name and the others fit. Gives the commit's
    /// place in the order of commits, and the bytes of all names.
    fn make_room(
        &self,
        write: &WriteTransaction,
        names: &mut Table<'_, &'static [u8], &'static [u8]>,
        id: &Id,
        bytes: u64,
    ) -> Result<(u64, u64), Fault> {
        let mut others = Vec::new();
        for record in names.iter()? {
            let (digest, record) = record?;
            if digest.value() != id.digest {
                others.push((digest.value().to_vec(), NameRecord::from_bytes(digest.value(), record.value())?));
            }
        }
        let committed = 1 + others.iter().map(|(_, name)| name.committed).max().unwrap_or_default();
        let mut total = bytes + others.iter().map(|(_, name)| name.bytes).sum::<u64>();
        while total > self.room.total || others.len() >= MAX_NAMES {
            let foreign = others.iter().enumerate().filter(|(_, (_, name))| name.scope != id.scope);
            let Some((oldest, _)) = foreign.min_by_key(|(_, (_, name))| name.committed) else {
                return Err(self.room.refuse_all(total).into());
            };
            let (digest, name) = others.swap_remove(oldest);
            let tables = Tables::of(&digest);
            write.delete_table(tables.versions())?;
            write.delete_table(tables.values())?;
            names.remove(&digest[..])?;
            total -= name.bytes;
        }
        Ok((committed, total))
    }
}

/// What a name holds besides its entries.
fn name(read: &ReadTransaction, id: &Id) -> Result<Option<NameRecord>, Fault> {
    let names = read.open_table(NAMES)?;
    let record = names.get(&id.digest[..])?;
    record.map(|record| NameRecord::from_bytes(&id.digest, record.value())).transpose()
}

/// Reads an entry, with its value where there is a table of values.
fn entry(key: &[u8], version: &[u8], values: Option<&Records>) -> Result<Entry, Fault> {
    let value = match values {
        None => Vec::new(),
        Some(values) => {
            let value = values.get(key)?.ok_or_else(|| Fault::Damaged("a value in it is lost".to_owned()))?;
            opened(key, value.value())?.to_vec()
        }
    };
    Ok(Entry { key: key.to_vec(), version: opened(key, version)?.to_vec(), value })
}

/// Writes the entries of a commit, and gives the bytes of all entries after it.
fn apply(write: &WriteTransaction, id: &Id, commit: &Commit, mut bytes: u64) -> Result<u64, Fault> {
    let tables = Tables::of(&id.digest);
    let (mut versions, mut values) = (write.open_table(tables.versions())?, write.open_table(tables.values())?);
    let checksum = sealed(&[], &[]).len();
    for (key, effect) in &commit.effects {
        let (version, value) = match effect {
            Some((version, value)) => {
                bytes += entry_bytes(key.len(), version.len(), value.len());
                let (version, value) = (sealed(key, version), sealed(key, value));
                (versions.insert(&key[..], &version[..])?, values.insert(&key[..], &value[..])?)
            }
            None => (versions.remove(&key[..])?, values.remove(&key[..])?),
        };
        if let (Some(version), Some(value)) = (version, value) {
            let lengths = [version.value().len(), value.value().len()].map(|length| length.saturating_sub(checksum));
            bytes = bytes.saturating_sub(entry_bytes(key.len(), lengths[0], lengths[1]));
        }
    }
    Ok(bytes)
}

/// A page that is being filled.
struct PageInProgress {
    page: Page,
    bytes: u64,
}

impl PageInProgress {
    /// Adds the entry if it fits or is the first one; otherwise the page is complete, and there is more.
    fn add(&mut self, entry: Entry, max_bytes: u64) -> bool {
        self.bytes += entry_bytes(entry.key.len(), entry.version.len(), entry.value.len());
        self.page.more = self.bytes > max_bytes && !self.page.entries.is_empty();
        if !self.page.more {
            self.page.entries.push(entry);
        }
        !self.page.more
    }
}
