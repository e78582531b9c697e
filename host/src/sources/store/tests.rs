//! The same cases for the store in memory and for the store on disk.

mod history;

use super::bounds::{MAX_NAMES, MAX_PAGE_BYTES, Room};
use super::disk::Disk;
use super::memory::Memory;
use super::model::{Backend, Changes, Entry, Error, Id, Page, Query};
use std::sync::Arc;

/// The bound of a test for all names together.
const TOTAL: u64 = 4 * 1024 * 1024;

/// Runs a case with each kind of store.
fn each(case: impl Fn(&dyn Backend)) {
    let memory = Arc::new(Memory::default());
    let room = Room { total: TOTAL, key: "cache_config.max_store_memory", configured: TOTAL };
    case(&memory.within(room));
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path(), Arc::default());
    case(&disk.within(4 * TOTAL, Room { total: 0, ..room }));
}

fn id(scope: u8, name: u8) -> Id {
    Id { scope: [scope; 16], digest: [name; 16] }
}

const ID: Id = Id { scope: [1; 16], digest: [1; 16] };

fn entry(key: &str, version: &str, value: &str) -> Entry {
    Entry { key: key.into(), version: version.into(), value: value.into() }
}

fn puts(puts: &[Entry]) -> Changes {
    Changes { puts: puts.to_vec(), ..Changes::default() }
}

/// A value of so many bytes.
fn large(key: &str, length: usize) -> Changes {
    puts(&[Entry { key: key.into(), version: Vec::new(), value: vec![7; length] }])
}

fn commit(backend: &dyn Backend, base: Option<u64>, changes: Changes) -> Result<u64, Error> {
    backend.commit(&ID, base, &changes.into())
}

fn page(backend: &dyn Backend, id: &Id, after: Option<&str>, max_bytes: u64) -> Page {
    let after = after.map(|key| key.as_bytes().to_vec());
    backend.read(id, &Query::After { after, max_bytes, values: true }).unwrap()
}

/// All entries, read in pages of this size.
fn all(backend: &dyn Backend, id: &Id, max_bytes: u64, values: bool) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.key.clone());
        let page = backend.read(id, &Query::After { after, max_bytes, values }).unwrap();
        assert!(page.more || page.entries.len() < 2 || max_bytes > 0, "a page without room has one entry");
        entries.extend(page.entries);
        if !page.more {
            return entries;
        }
    }
}

#[test]
fn a_name_holds_nothing_until_the_first_commit() {
    each(|backend| {
        assert_eq!(backend.head(&ID), Ok(None));
        assert_eq!(page(backend, &ID, None, 1000), Page::default());
        assert_eq!(backend.read(&ID, &Query::Keys(vec![b"a".to_vec()])), Ok(Page::default()));
        assert_eq!(commit(backend, Some(1), Changes::default()), Err(Error::Conflict));
        let revision = commit(backend, None, puts(&[entry("a", "1", "x")])).unwrap();
        let head = backend.head(&ID).unwrap().unwrap();
        assert_eq!((head.revision, head.bytes, head.quota), (revision, 64 + 64 + 3, TOTAL / 2));
        assert!(head.meta.is_empty() && head.age < 60);
        assert_eq!(backend.head(&id(1, 2)), Ok(None), "another name");
    });
}

#[test]
fn the_quicker_of_two_commits_wins_and_the_other_changes_nothing() {
    each(|backend| {
        let base = commit(backend, None, puts(&[entry("a", "1", "x")])).unwrap();
        let won = commit(backend, Some(base), puts(&[entry("a", "2", "y")])).unwrap();
        assert_ne!(base, won);
        for base in [Some(base), None] {
            let lost = Changes { meta: Some(b"lost".to_vec()), deletes: vec![b"a".to_vec()], ..large("b", 10) };
            assert_eq!(commit(backend, base, lost), Err(Error::Conflict));
        }
        let page = page(backend, &ID, None, 1000);
        assert_eq!((page.revision, page.entries), (Some(won), vec![entry("a", "2", "y")]));
        assert_eq!(backend.head(&ID).unwrap().unwrap().meta, b"");
    });
}

#[test]
fn no_change_is_lost_where_many_threads_commit_at_a_time() {
    each(|backend| {
        let increment = || loop {
            let page = page(backend, &ID, None, 1000);
            let count = page.entries.first().map_or(0, |entry| entry.value[0]);
            let one_more = Entry { key: b"count".to_vec(), version: Vec::new(), value: vec![count + 1] };
            match commit(backend, page.revision, puts(&[one_more])) {
                Ok(_) => return,
                outcome => assert_eq!(outcome, Err(Error::Conflict)),
            }
        };
        std::thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| (0..25).for_each(|_| increment()))));
        });
        assert_eq!(page(backend, &ID, None, 1000).entries[0].value, [100]);
    });
}

#[test]
fn meta_stays_until_a_commit_sets_it() {
    each(|backend| {
        let set = Changes { meta: Some(b"m".to_vec()), ..Changes::default() };
        let base = commit(backend, None, set).unwrap();
        commit(backend, Some(base), large("a", 1)).unwrap();
        let head = backend.head(&ID).unwrap().unwrap();
        assert_eq!((head.meta, head.bytes), (b"m".to_vec(), 64 + 1 + 64 + 2));
    });
}

#[test]
fn deletes_come_before_puts_and_the_last_of_two_puts_counts() {
    each(|backend| {
        let base = commit(backend, None, puts(&[entry("a", "1", "x"), entry("b", "1", "x")])).unwrap();
        let deletes = ["a", "b", "none"].map(|key| key.as_bytes().to_vec()).to_vec();
        let changes = Changes { deletes, ..puts(&[entry("a", "2", "y"), entry("a", "3", "z")]) };
        commit(backend, Some(base), changes).unwrap();
        assert_eq!(all(backend, &ID, 1000, true), [entry("a", "3", "z")]);
        assert_eq!(backend.head(&ID).unwrap().unwrap().bytes, 64 + 64 + 3);
    });
}

#[test]
fn keys_come_in_the_order_of_their_bytes() {
    // As rows: by project, then by repository.
    let order = ["a\0x", "a\0x\0y", "a\0y", "a-b\0x", "a0\0x", "b", "ü", "\u{10ffff}"];
    each(|backend| {
        let mut shuffled: Vec<Entry> = order.iter().map(|key| entry(key, "", key)).collect();
        shuffled.reverse();
        shuffled.swap(1, 5);
        commit(backend, None, puts(&shuffled)).unwrap();
        let keys: Vec<Vec<u8>> = all(backend, &ID, 1000, true).into_iter().map(|entry| entry.key).collect();
        assert_eq!(keys, order.map(|key| key.as_bytes().to_vec()));
    });
}

#[test]
fn a_page_has_what_fits_after_a_key_and_at_least_one_entry() {
    each(|backend| {
        let entries: Vec<Entry> = (0..5).map(|number| entry(&format!("k{number}"), "v", "12345")).collect();
        commit(backend, None, puts(&entries)).unwrap();
        let one = 64 + 2 + 1 + 5;
        for (max_bytes, count) in [(0, 1), (one - 1, 1), (one, 1), (2 * one - 1, 1), (2 * one, 2), (5 * one, 5)] {
            let page = page(backend, &ID, None, max_bytes);
            assert_eq!((page.entries.len(), page.more), (count, count < 5), "{max_bytes}");
        }
        // The key itself need not be there.
        for (after, first) in [("k1", "k2"), ("k1x", "k2"), ("", "k0")] {
            assert_eq!(page(backend, &ID, Some(after), 0).entries[0].key, first.as_bytes());
        }
        let end = page(backend, &ID, Some("k4"), 1000);
        assert_eq!((end.entries, end.more), (vec![], false));
        for max_bytes in [0, one, 3 * one] {
            assert_eq!(all(backend, &ID, max_bytes, true), entries);
        }
        let versions = all(backend, &ID, 1000, false);
        assert!(versions.iter().all(|entry| entry.version == b"v" && entry.value.is_empty()) && versions.len() == 5);
    });
}

#[test]
fn get_gives_the_entries_in_the_order_of_the_keys_and_says_when_there_are_more() {
    each(|backend| {
        let base = commit(backend, None, puts(&[entry("a", "1", "x"), entry("c", "2", "y")])).unwrap();
        let keys = |keys: &[&str]| Query::Keys(keys.iter().map(|key| key.as_bytes().to_vec()).collect());
        let page = backend.read(&ID, &keys(&["c", "b", "a"])).unwrap();
        assert_eq!((page.entries, page.more), (vec![entry("c", "2", "y"), entry("a", "1", "x")], false));
        let half = MAX_PAGE_BYTES as usize / 2;
        let base = commit(backend, Some(base), large("b", half)).unwrap();
        commit(backend, Some(base), large("d", half)).unwrap();
        let page = backend.read(&ID, &keys(&["b", "d", "a"])).unwrap();
        assert_eq!((page.entries.len(), page.more), (1, true));
        let page = backend.read(&ID, &keys(&["d", "a"])).unwrap();
        assert_eq!((page.entries.len(), page.more), (2, false));
    });
}

#[test]
fn a_name_beyond_its_quota_is_refused_with_the_key_and_stays_as_it_was() {
    each(|backend| {
        let fits = (TOTAL / 2 - 64 - 64 - 1) as usize;
        let half = large("a", fits / 2);
        let base = commit(backend, None, half).unwrap();
        let Err(Error::Full(message)) = commit(backend, Some(base), large("b", fits / 2 + 2)) else { panic!("room") };
        assert!(
            message.starts_with("a name of the store would take") && message.contains("raise cache_config.max_store_")
        );
        assert_eq!(all(backend, &ID, 0, true).len(), 1);
        // What takes the place of an entry needs its difference only.
        let base = commit(backend, Some(base), large("a", fits)).unwrap();
        assert_eq!(backend.head(&ID).unwrap().unwrap().bytes, TOTAL / 2);
        let base = commit(backend, Some(base), Changes { deletes: vec![b"a".to_vec()], ..large("b", fits) }).unwrap();
        let more = Changes { meta: Some(vec![1]), ..Changes::default() };
        assert!(matches!(commit(backend, Some(base), more), Err(Error::Full(_))));
    });
}

#[test]
fn names_of_other_sources_make_room_the_oldest_first_and_those_of_the_same_do_not() {
    each(|backend| {
        // A third of the room, and a little more.
        let part = |key| Entry { key: vec![key], version: Vec::new(), value: vec![7; 16_000] };
        let third = || puts(&(0..88).map(part).collect::<Vec<_>>()).into();
        for name in 1..=2 {
            backend.commit(&id(name, name), None, &third()).unwrap();
        }
        let held = |name: u8| backend.head(&id(name, name)).unwrap().is_some();
        backend.commit(&id(3, 3), None, &third()).unwrap();
        assert!(held(3) && held(2) && !held(1));
        backend.commit(&id(3, 4), None, &third()).unwrap();
        assert!(held(3) && !held(1) && !held(2));
        let refused = (5..9).map(|name| backend.commit(&id(3, name), None, &third())).find_map(Result::err).unwrap();
        assert!(refused.to_string().starts_with("the store with all of its names would take"), "{refused}");
        assert!(held(3));
    });
}

#[test]
fn there_are_so_many_names_and_no_more() {
    each(|backend| {
        for name in 0..MAX_NAMES as u8 {
            backend.commit(&id(1, name), None, &large("a", 1).into()).unwrap();
        }
        let one_more = id(1, MAX_NAMES as u8);
        assert!(matches!(backend.commit(&one_more, None, &large("a", 1).into()), Err(Error::Full(_))));
        let another_scope = id(2, MAX_NAMES as u8);
        backend.commit(&another_scope, None, &large("a", 1).into()).unwrap();
        let held = (0..MAX_NAMES as u8).filter(|name| backend.head(&id(1, *name)).unwrap().is_some()).count();
        assert_eq!(held, MAX_NAMES - 1);
    });
}
