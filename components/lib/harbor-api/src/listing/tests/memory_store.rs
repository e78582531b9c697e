//! A store in memory, with small pages, and faults where a test wants them.

use super::marking_harbor::yield_now;
use crate::store::{Changes, Entry, Head, Page, Store, StoreError, VersionPage};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Entries of a page.
const PAGE: usize = 3;

#[derive(Default)]
pub(super) struct MemoryStore {
    pub(super) entries: RefCell<BTreeMap<Vec<u8>, Entry>>,
    pub(super) head: RefCell<Option<Head>>,
    /// Seconds since the last commit.
    pub(super) age: Cell<u64>,
    pub(super) commits: Cell<usize>,
    /// Commits that it takes yet.
    pub(super) commits_left: Cell<Option<usize>>,
    /// Whether it gives no page any more.
    pub(super) fails_to_read: Cell<bool>,
    /// The error of each commit.
    pub(super) refuses: RefCell<Option<StoreError>>,
    pub(super) warnings: RefCell<Vec<String>>,
    /// Whether it lets other listings go on before each page.
    pub(super) yields: Cell<bool>,
    /// Runs once, before the first page of versions.
    pub(super) before_versions: RefCell<Option<Meanwhile>>,
    /// Runs once, after the first page of values.
    pub(super) meanwhile: RefCell<Option<Meanwhile>>,
}

pub(super) type Meanwhile = Box<dyn FnOnce(&MemoryStore)>;

impl MemoryStore {
    /// Another store that holds the same.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::default();
        copy.become_like(self);
        copy
    }

    /// Holds what another one holds.
    pub(super) fn become_like(&self, other: &Self) {
        *self.entries.borrow_mut() = other.entries.borrow().clone();
        *self.head.borrow_mut() = other.head.borrow().clone();
    }

    fn after(&self, after: Option<Vec<u8>>) -> (Vec<Entry>, bool) {
        let entries = self.entries.borrow();
        let mut rest = entries.values().filter(|entry| after.as_ref().is_none_or(|after| entry.key > *after));
        let page: Vec<Entry> = rest.by_ref().take(PAGE).cloned().collect();
        (page, rest.next().is_some())
    }
}

impl Store for MemoryStore {
    async fn head(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.head.borrow().clone().map(|head| Head { age: self.age.get(), ..head }))
    }

    async fn versions(&self, after: Option<Vec<u8>>) -> Result<VersionPage, StoreError> {
        if self.yields.get() {
            yield_now().await;
        }
        let before = self.before_versions.borrow_mut().take();
        if let Some(before) = before {
            before(self);
        }
        if self.fails_to_read.get() {
            return Err(StoreError::Failed("the disk is gone".to_owned()));
        }
        let (entries, more) = self.after(after);
        Ok(VersionPage { entries: entries.into_iter().map(|entry| (entry.key, entry.version)).collect(), more })
    }

    async fn scan(&self, after: Option<Vec<u8>>) -> Result<Page, StoreError> {
        if self.yields.get() {
            yield_now().await;
        }
        let (entries, more) = self.after(after);
        let meanwhile = self.meanwhile.borrow_mut().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile(self);
        }
        if self.fails_to_read.get() {
            return Err(StoreError::Failed("the disk is gone".to_owned()));
        }
        Ok(Page { entries, more })
    }

    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<Page, StoreError> {
        let entries = self.entries.borrow();
        Ok(Page { entries: keys.iter().filter_map(|key| entries.get(key).cloned()).collect(), more: false })
    }

    async fn commit(&self, base: Option<u64>, changes: Changes) -> Result<u64, StoreError> {
        if self.yields.get() {
            yield_now().await;
        }
        if self.commits_left.get() == Some(0) {
            return Err(StoreError::Failed("the program was killed".to_owned()));
        }
        self.commits_left.set(self.commits_left.get().map(|left| left - 1));
        if let Some(error) = self.refuses.borrow().clone() {
            return Err(error);
        }
        let mut head = self.head.borrow_mut();
        if head.as_ref().map(|head| head.revision) != base {
            return Err(StoreError::Conflict);
        }
        let mut entries = self.entries.borrow_mut();
        for key in changes.deletes {
            entries.remove(&key);
        }
        for entry in changes.puts {
            entries.insert(entry.key.clone(), entry);
        }
        let head = head.get_or_insert_default();
        if let Some(meta) = changes.meta {
            head.meta = meta;
            self.age.set(0);
        }
        head.revision += 1;
        self.commits.set(self.commits.get() + 1);
        Ok(head.revision)
    }

    fn warn(&self, message: &str) {
        self.warnings.borrow_mut().push(message.to_owned());
    }
}
