//! Keeping rows in a store that other instances change, that fails, and that loses bytes.

#![forbid(unsafe_code)]

use super::{Changes, Head, Name, NotKept, Present, VERSION, Value, load, save, try_save};
use futures::executor::block_on;
use std::cell::RefCell;
use std::collections::BTreeMap;
use stored_rows::{Chunks, Cursor, Miss, Rows};

/// A name in memory. Commits fail once `commits_left` is 0.
#[derive(Default)]
struct Memory(RefCell<Content>);

#[derive(Clone, Default)]
struct Content {
    revision: Option<u64>,
    meta: Vec<u8>,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    commits_left: Option<usize>,
    /// The rows that another instance keeps as soon as this one has read a value.
    replaced_by: Option<Box<Content>>,
}

impl Name for Memory {
    async fn head(&self) -> Result<Option<Head>, NotKept> {
        let content = self.0.borrow();
        Ok(content.revision.map(|revision| Head { revision, meta: content.meta.clone(), age: 5 }))
    }

    async fn keys(&self, after: Option<Vec<u8>>) -> Result<(Vec<Vec<u8>>, bool), NotKept> {
        // Small pages.
        let content = self.0.borrow();
        let mut keys = content.entries.keys().filter(|key| Some(*key) > after.as_ref()).cloned();
        let page = keys.by_ref().take(3).collect();
        Ok((page, keys.next().is_some()))
    }

    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<(Option<u64>, Vec<Value>), NotKept> {
        let mut content = self.0.borrow_mut();
        let found =
            keys.iter().filter_map(|key| Some(Value { key: key.clone(), value: content.entries.get(key)?.clone() }));
        let answer = (content.revision, found.take(2).collect());
        if let Some(other) = content.replaced_by.take() {
            *content = *other;
        }
        Ok(answer)
    }

    async fn commit(&self, base: Option<u64>, changes: Changes) -> Result<u64, NotKept> {
        let mut content = self.0.borrow_mut();
        if content.revision != base {
            return Err(NotKept::Conflict);
        }
        if let Some(left) = &mut content.commits_left {
            *left = left.checked_sub(1).ok_or_else(|| NotKept::Other("the disk is full".to_owned()))?;
        }
        let bytes: usize = changes.puts.iter().map(|value| value.value.len() + 100).sum();
        assert!(bytes < 8 * 1024 * 1024, "a commit of {bytes} bytes");
        changes.deletes.iter().for_each(|key| drop(content.entries.remove(key)));
        content.entries.extend(changes.puts.into_iter().map(|Value { key, value }| (key, value)));
        if let Some(meta) = changes.meta {
            content.meta = meta;
        }
        let revision = content.revision.map_or(1, |revision| revision + 1);
        content.revision = Some(revision);
        Ok(revision)
    }
}

impl Memory {
    /// The kept rows, which are whole.
    fn rows(&self) -> Option<Vec<String>> {
        let (age, rows) = block_on(load(self, "harbor", 60))?;
        assert_eq!(age, 5);
        let mut cursor = Cursor::default();
        Some(std::iter::from_fn(|| rows.next(&mut cursor)).collect())
    }

    fn save(&self, rows: &[String]) {
        block_on(save(self, "harbor", chunks(rows)));
    }
}

fn chunks(rows: &[String]) -> Chunks {
    let mut chunks = Chunks::default();
    rows.iter().for_each(|row| chunks.push(row));
    chunks
}

/// Rows of so many megabytes.
fn rows(megabytes: usize, text: &str) -> Vec<String> {
    vec![text.repeat(1000); megabytes * 1000]
}

#[test]
fn rows_take_the_place_of_earlier_ones_and_leave_nothing_of_them() {
    let name = Memory::default();
    assert_eq!(name.rows(), None);
    for (megabytes, text) in [(0, "a"), (1, "b"), (20, "c"), (7, "d"), (0, "e"), (1, "f")] {
        name.save(&rows(megabytes, text));
        assert_eq!(name.rows().unwrap(), rows(megabytes, text), "{text}");
        let values = chunks(&rows(megabytes, text)).into_values().len();
        assert_eq!(name.0.borrow().entries.len(), values, "{text}");
    }
}

#[test]
fn a_save_that_breaks_off_leaves_the_earlier_rows_and_the_next_one_cleans_up() {
    let name = Memory::default();
    name.save(&rows(3, "a"));
    for commits in 0..3 {
        name.0.borrow_mut().commits_left = Some(commits);
        let failure = block_on(try_save(&name, chunks(&rows(20, "b")))).unwrap_err();
        assert_eq!(failure, NotKept::Other("the disk is full".to_owned()));
        assert_eq!(name.rows().unwrap(), rows(3, "a"));
    }
    name.0.borrow_mut().commits_left = None;
    name.save(&rows(1, "c"));
    assert_eq!(name.rows().unwrap(), rows(1, "c"));
    assert_eq!(name.0.borrow().entries.len(), 2);
}

#[test]
fn rows_that_are_replaced_while_they_are_read_are_read_again() {
    let name = Memory::default();
    name.save(&rows(3, "a"));
    let other = Memory(RefCell::new(name.0.borrow().clone()));
    other.save(&rows(4, "b"));
    name.0.borrow_mut().replaced_by = Some(Box::new(other.0.borrow().clone()));
    assert_eq!(name.rows().unwrap(), rows(4, "b"));
}

#[test]
fn rows_that_are_too_old_damaged_lost_or_of_another_version_are_not_used() {
    let name = Memory::default();
    name.save(&rows(3, "a"));
    assert!(block_on(load(&name, "harbor", 4)).is_none());
    let good = name.0.borrow().clone();
    let spoilt: [fn(&mut Content); 5] = [
        |content| drop(content.entries.pop_first()),
        |content| drop(content.entries.pop_last()),
        |content| content.entries.values_mut().for_each(|value| value[500] ^= 1),
        |content| content.meta.clear(),
        |content| content.meta = Rows::default().seal(VERSION + 1, b"meta"),
    ];
    for (case, spoil) in spoilt.iter().enumerate() {
        let mut content = good.clone();
        spoil(&mut content);
        *name.0.borrow_mut() = content;
        assert_eq!(name.rows(), None, "case {case}");
        name.save(&rows(1, "new"));
        assert_eq!(name.rows().unwrap(), rows(1, "new"), "case {case}");
    }
}

#[test]
fn meta_reads_back_and_damaged_meta_does_not() {
    let present = Present { generation: 7, values: 300 };
    let meta = present.to_meta();
    assert_eq!(Present::from_meta(meta.clone()), Ok(present));
    assert_eq!(Present::from_meta(meta[1..].to_vec()), Err(Miss::Damaged));
    assert_eq!(Present::from_meta(Vec::new()), Err(Miss::Damaged));
    let keys: Vec<Vec<u8>> = present.keys().collect();
    assert!(keys.is_sorted(), "keys stand in the order of the values");
    assert_eq!(keys[299], [0, 0, 0, 7, 0, 0, 1, 43]);
}
