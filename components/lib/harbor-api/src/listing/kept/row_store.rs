//! Writes rows to the store, some megabytes at a time, and knows what it holds.

use super::record::{self, Mark, Meta, Overview};
use crate::artifact::Time;
use crate::listing::overview::RepositoryCount;
use crate::repository_name::RepositoryName;
use crate::store::{Changes, Entry, Head, Store, StoreError};
use image_model::types::Artifact;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of one commit. The store takes 8 MiB.
const COMMIT_BYTES: usize = 4 << 20;
/// What the store counts for an entry besides its key, version and value.
const ENTRY_BYTES: usize = 64;

/// The rows in the store, and the changes to them that are not committed yet.
pub(super) struct RowStore<'s, S> {
    store: &'s S,
    base: Option<u64>,
    /// The repositories whose rows are kept.
    kept: BTreeMap<RepositoryName, Mark>,
    /// Keys that belong to none of them.
    strays: Vec<Vec<u8>>,
    changes: Changes,
    bytes: usize,
    /// Whether rows, or the overview, were changed.
    is_changed: bool,
    /// The version of the overview that is kept.
    overview: Option<Vec<u8>>,
    /// Repositories whose rows differ from the kept ones, though Harbor says of them what it said then.
    unexplained: BTreeSet<RepositoryName>,
}

fn sum((one, other): (u64, u64)) -> u64 {
    one.wrapping_add(other)
}

impl<'s, S: Store> RowStore<'s, S> {
    /// Reads what the store holds.
    pub(super) async fn open(store: &'s S, head: Option<&Head>) -> Result<Self, StoreError> {
        let mut row_store = Self {
            store,
            base: head.map(|head| head.revision),
            kept: BTreeMap::new(),
            strays: Vec::new(),
            changes: Changes::default(),
            bytes: 0,
            is_changed: false,
            overview: None,
            unexplained: BTreeSet::new(),
        };
        if row_store.base.is_none() {
            return Ok(row_store);
        }
        let mut after = None;
        // The keys of the repository that is being read.
        let mut group: Vec<(Vec<u8>, Option<Mark>)> = Vec::new();
        let mut current: Option<RepositoryName> = None;
        loop {
            let page = store.versions(after).await?;
            for (key, version) in &page.entries {
                if key == record::OVERVIEW_KEY {
                    row_store.overview = Some(version.clone());
                    continue;
                }
                let Some((name, number)) = record::parse_key(key) else {
                    row_store.strays.push(key.clone());
                    continue;
                };
                if current.as_ref() != Some(&name) {
                    row_store.group(current.replace(name), &mut group);
                }
                let mark = Mark::from_bytes(version).filter(|_| usize::from(number) == group.len());
                group.push((key.clone(), mark));
            }
            after = page.entries.into_iter().next_back().map(|(key, _)| key);
            if !page.more || after.is_none() {
                break;
            }
        }
        row_store.group(current, &mut group);
        Ok(row_store)
    }

    /// Adds a repository of which all keys were read. It is kept where all of its values have the same mark.
    fn group(&mut self, name: Option<RepositoryName>, keys: &mut Vec<(Vec<u8>, Option<Mark>)>) {
        let first = keys.first().and_then(|(_, mark)| *mark);
        let keys = std::mem::take(keys);
        match (name, first) {
            (Some(name), Some(mark))
                if usize::from(mark.values) == keys.len() && keys.iter().all(|(_, other)| *other == first) =>
            {
                self.kept.insert(name, mark);
            }
            _ => self.strays.extend(keys.into_iter().map(|(key, _)| key)),
        }
    }

    /// The repositories whose rows are kept, in order, each with its mark.
    pub(super) fn marks(&self) -> impl Iterator<Item = (&RepositoryName, Mark)> {
        self.kept.iter().map(|(name, mark)| (name, *mark))
    }

    /// The same without the marks.
    pub(super) fn names(&self) -> impl Iterator<Item = &RepositoryName> {
        self.kept.keys()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.kept.len()
    }

    /// Whether the kept rows are those of the repository as Harbor describes it now.
    pub(super) fn has(&self, repository: &RepositoryCount) -> bool {
        self.kept.get(&repository.name).is_some_and(|mark| mark.is_of(repository))
    }

    /// The kept rows, if they are those of the repository as Harbor describes it now.
    pub(super) async fn rows_of(&self, repository: &RepositoryCount) -> Option<Vec<Artifact>> {
        let mark = *self.kept.get(&repository.name).filter(|mark| mark.is_of(repository))?;
        let mut rows = Vec::new();
        for number in 0..mark.values {
            let page = self.store.get(vec![record::key(&repository.name, number)]).await.ok()?;
            // Another listing may have kept others meanwhile.
            let entry =
                page.entries.into_iter().next().filter(|entry| Mark::from_bytes(&entry.version) == Some(mark))?;
            rows.extend(record::artifacts(&entry.key, entry.value).ok()?);
        }
        Some(rows)
    }

    /// Whether the kept rows have a later mark than Harbor says now.
    pub(super) fn is_of_later(&self, repository: &RepositoryCount) -> bool {
        let updated = repository.updated.and_then(Time::microseconds);
        self.kept.get(&repository.name).is_some_and(|mark| updated.is_some_and(|updated| updated < mark.updated))
    }

    /// Whether any rows of this repository are kept.
    pub(super) fn knows(&self, name: &RepositoryName) -> bool {
        self.kept.contains_key(name)
    }

    /// Forgets that anything was kept, so that all of it is read again and removed where it is not.
    pub(super) fn distrust(&mut self) {
        for (name, mark) in std::mem::take(&mut self.kept) {
            self.strays.extend((0..mark.values).map(|number| record::key(&name, number)));
        }
    }

    /// Keeps the rows of a repository in place of earlier ones.
    pub(super) async fn keep(
        &mut self,
        repository: &RepositoryCount,
        artifacts: &[Artifact],
    ) -> Result<(), StoreError> {
        let Some(entries) = record::entries(repository, artifacts) else { return self.forget(&repository.name).await };
        if self.has(repository) {
            return self.compare(repository, entries).await;
        }
        self.forget(&repository.name).await?;
        let Some(mark) = entries.first().and_then(|entry| Mark::from_bytes(&entry.version)) else { return Ok(()) };
        self.kept.insert(repository.name.clone(), mark);
        // The first value comes last: without it, the others count for nothing where the program ends between two commits.
        for entry in entries.into_iter().rev() {
            self.put(entry).await?;
        }
        Ok(())
    }

    /// Compares rows with the kept ones, which Harbor says are the same.
    async fn compare(&mut self, repository: &RepositoryCount, entries: Vec<Entry>) -> Result<(), StoreError> {
        // Of the values that differ. Rows may be in another order, and so in other values.
        let (mut before, mut now) = (Some(0), Some(0));
        for entry in entries {
            let page = self.store.get(vec![entry.key.clone()]).await?;
            let kept = page.entries.into_iter().next();
            if kept.as_ref() == Some(&entry) {
                continue;
            }
            before = before.zip(kept.and_then(|kept| record::sum(&kept.key, kept.value))).map(sum);
            now = now.zip(record::sum(&entry.key, entry.value.clone())).map(sum);
            self.put(entry).await?;
        }
        if before.is_none() || before != now {
            self.unexplained.insert(repository.name.clone());
        }
        Ok(())
    }

    /// Keeps the overview, if it is another one.
    pub(super) async fn describe(&mut self, overview: &Overview) -> Result<(), StoreError> {
        let Some(entry) = overview.entry() else { return Ok(()) };
        if self.overview.replace(entry.version.clone()) == Some(entry.version.clone()) {
            return Ok(());
        }
        self.put(entry).await
    }

    async fn put(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.is_changed = true;
        // A commit removes first, and writes then.
        let bytes = entry.key.len() + entry.version.len() + entry.value.len() + ENTRY_BYTES;
        self.changes.puts.push(entry);
        self.grow(bytes).await
    }

    /// Removes the rows of a repository.
    pub(super) async fn forget(&mut self, name: &RepositoryName) -> Result<(), StoreError> {
        let Some(mark) = self.kept.remove(name) else { return Ok(()) };
        // The commit removes before it writes; what it is about to write of this repository must not come back.
        let keys: Vec<Vec<u8>> = (0..mark.values).map(|number| record::key(name, number)).collect();
        self.changes.puts.retain(|entry| !keys.contains(&entry.key));
        self.is_changed = true;
        for key in keys {
            let bytes = key.len() + ENTRY_BYTES;
            self.changes.deletes.push(key);
            self.grow(bytes).await?;
        }
        Ok(())
    }

    async fn grow(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.bytes += bytes;
        if self.bytes < COMMIT_BYTES { Ok(()) } else { self.commit(None).await }
    }

    /// Commits what was changed, removes what belongs to no repository, and sets `meta`.
    pub(super) async fn finish(&mut self, meta: &Meta) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.strays) {
            let is_kept = record::parse_key(&key)
                .is_some_and(|(name, number)| self.kept.get(&name).is_some_and(|mark| number < mark.values));
            if !is_kept {
                let bytes = key.len() + ENTRY_BYTES;
                self.changes.deletes.push(key);
                self.grow(bytes).await?;
            }
        }
        self.commit(Some(meta)).await
    }

    async fn commit(&mut self, meta: Option<&Meta>) -> Result<(), StoreError> {
        let changes = Changes { meta: meta.map(Meta::to_bytes), ..std::mem::take(&mut self.changes) };
        self.bytes = 0;
        self.base = Some(self.store.commit(self.base, changes).await?);
        Ok(())
    }

    /// Whether anything was changed since the rows were opened.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The latest commit.
    pub(super) fn revision(&self) -> Option<u64> {
        self.base
    }

    /// Whether anything is to be committed.
    pub(super) fn is_dirty(&self) -> bool {
        !(self.changes.puts.is_empty() && self.changes.deletes.is_empty() && self.strays.is_empty())
    }

    /// Repositories whose rows changed without a mark of Harbor's.
    pub(super) fn unexplained(&self) -> &BTreeSet<RepositoryName> {
        &self.unexplained
    }
}
