//! The file of the store when something happens to it: damage, a second process, no room.

mod killed;

use super::super::bounds::Room;
use super::super::memory::Memory;
use super::super::model::{Backend, Changes, Entry, Error, Id, Query};
use super::{ASIDE_NAME, Disk, FILE_NAME};
use redb::{Database, TableDefinition};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const ID: Id = Id { scope: [1; 16], digest: [1; 16] };
const MIB: u64 = 1024 * 1024;

fn disk(folder: &Path) -> Disk {
    let mut disk = Disk::new(folder, Arc::new(Memory::default()));
    disk.retry_after = Duration::ZERO;
    disk
}

/// Uses a store with this bound of its file.
fn with<T>(disk: &Disk, max_file_bytes: u64, work: impl FnOnce(&dyn Backend) -> T) -> T {
    work(&disk.within(max_file_bytes, Room { total: MIB, key: "cache_config.max_store_memory", configured: MIB }))
}

fn put(key: u32, value: &[u8]) -> Entry {
    Entry { key: key.to_be_bytes().to_vec(), version: b"v".to_vec(), value: value.to_vec() }
}

/// Commits these values on the present revision.
fn commit(disk: &Disk, max_file_bytes: u64, values: &[&[u8]]) -> Result<(), Error> {
    with(disk, max_file_bytes, |backend| {
        let base = backend.head(&ID)?.map(|head| head.revision);
        let puts = values.iter().zip(0..).map(|(value, key)| put(key, value)).collect();
        backend.commit(&ID, base, &Changes { puts, meta: Some(b"meta".to_vec()), ..Changes::default() }.into())?;
        Ok(())
    })
}

/// All values of the store, which then holds them whole; `None` where it holds nothing.
fn values(disk: &Disk) -> Option<Vec<Vec<u8>>> {
    with(disk, 256 * MIB, |backend| {
        let head = backend.head(&ID).unwrap()?;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map(|entry| entry.key.clone());
            let page = backend.read(&ID, &Query::After { after, max_bytes: 1000, values: true }).unwrap();
            if page.revision != Some(head.revision) {
                return None; // Damage was found while the pages were read.
            }
            entries.extend(page.entries);
            if !page.more {
                assert_eq!(head.meta, b"meta");
                assert!(entries.iter().zip(0_u32..).all(|(entry, key)| entry.key == key.to_be_bytes()));
                return Some(entries.into_iter().map(|entry| entry.value).collect());
            }
        }
    })
}

/// The file of a store with these values.
fn file_of(values: &[&[u8]]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    commit(&disk(folder.path()), 256 * MIB, &[b"an earlier one"]).unwrap();
    commit(&disk(folder.path()), 256 * MIB, values).unwrap();
    std::fs::read(folder.path().join(FILE_NAME)).unwrap()
}

#[test]
fn what_is_kept_outlives_the_program_in_a_file_that_only_its_user_can_read() {
    let folder = tempfile::tempdir().unwrap();
    commit(&disk(folder.path()), 256 * MIB, &[b"a", b"b"]).unwrap();
    assert_eq!(values(&disk(folder.path())).unwrap(), [b"a", b"b"]);
    let mode = std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!folder.path().join(ASIDE_NAME).exists());
}

#[test]
fn a_file_that_is_not_ours_is_set_aside_and_a_new_one_takes_its_place() {
    let whole = file_of(&[b"a", b"b"]);
    let redb_of_another_program = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other");
        let database = Database::create(&path).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 1).unwrap();
        write.commit().unwrap();
        drop(database);
        std::fs::read(path).unwrap()
    };
    let of_another_format = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other");
        let database = Database::create(&path).unwrap();
        let write = database.begin_write().unwrap();
        write
            .open_table(super::database::FORMAT)
            .unwrap()
            .insert("format", super::database::PRESENT_FORMAT + 1)
            .unwrap();
        write.commit().unwrap();
        drop(database);
        std::fs::read(path).unwrap()
    };
    let cases = [
        ("zeros", vec![0; 100_000]),
        ("a script", b"#!/bin/sh\n".repeat(5000)),
        ("one byte", vec![1]),
        ("half of it", whole[..whole.len() / 2].to_vec()),
        ("its first page", whole[..4096].to_vec()),
        ("another program's", redb_of_another_program),
        ("another format", of_another_format),
    ];
    for (what, content) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), &content).unwrap();
        let disk = disk(folder.path());
        assert_eq!(values(&disk), None, "{what}");
        assert!(std::fs::read(folder.path().join(ASIDE_NAME)).is_ok(), "{what} is still there");
        commit(&disk, 256 * MIB, &[b"new"]).unwrap();
        drop(disk);
        assert_eq!(values(&self::disk(folder.path())).unwrap(), [b"new"], "{what}");
    }
}

#[test]
fn a_link_in_the_file_s_place_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    std::fs::write(&target, b"").unwrap();
    std::os::unix::fs::symlink(&target, folder.path().join(FILE_NAME)).unwrap();
    commit(&disk(folder.path()), 256 * MIB, &[b"a"]).unwrap();
    assert_eq!(std::fs::metadata(&target).unwrap().len(), 0);
}

#[test]
fn a_byte_that_changed_anywhere_in_the_file_never_gives_a_wrong_value() {
    let long = b"0123456789abcdef".repeat(600);
    let present: [&[u8]; 3] = [b"a", b"b", &long];
    let earlier: [&[u8]; 1] = [b"an earlier one"];
    let whole = file_of(&present);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let (mut kept, mut lost) = (0, 0);
    // Each byte of the header, and some of each page. Which ones, differs from place to place.
    let places = (0..whole.len()).filter(|place| *place < 512 || place % 499 == 0);
    for place in places {
        let mut content = whole.clone();
        content[place] ^= 1 << (place % 8);
        std::fs::write(&path, content).unwrap();
        match values(&disk(folder.path())) {
            None => lost += 1,
            Some(values) if values == earlier => lost += 1,
            Some(values) => {
                assert_eq!(values, present, "the byte at {place}");
                kept += 1;
            }
        }
    }
    assert!(kept > 0 && lost > 0, "{kept} kept, {lost} lost: free pages have no content, and others do");
}

#[test]
fn damage_while_the_file_is_open_never_gives_a_wrong_value() {
    let folder = tempfile::tempdir().unwrap();
    let large: Vec<Vec<u8>> = (0..40).map(|number| vec![number; 900_000]).collect();
    for batch in (0..40).collect::<Vec<u32>>().chunks(8) {
        with(&disk(folder.path()), 1024 * MIB, |backend| {
            let base = backend.head(&ID).unwrap().map(|head| head.revision);
            let puts = batch.iter().map(|key| put(*key, &large[*key as usize])).collect();
            let changes = Changes { puts, meta: Some(b"meta".to_vec()), ..Changes::default() };
            backend.commit(&ID, base, &changes.into()).unwrap();
        });
    }
    let disk = disk(folder.path());
    assert_eq!(values(&disk).unwrap(), large);
    // The cache is smaller than the file, so most pages are read again.
    let file = std::fs::OpenOptions::new().read(true).write(true).open(folder.path().join(FILE_NAME)).unwrap();
    let length = file.metadata().unwrap().len();
    for place in (4096..length).step_by(300_000) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).unwrap();
        file.write_all_at(&[byte[0] ^ 4], place).unwrap();
    }
    assert_eq!(values(&disk), None);
    assert!(folder.path().join(ASIDE_NAME).exists());
    commit(&disk, 256 * MIB, &[b"new"]).unwrap();
    assert_eq!(values(&disk).unwrap(), [b"new"]);
}

#[test]
fn while_another_process_has_the_file_memory_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let first = disk(folder.path());
    commit(&first, 256 * MIB, &[b"on disk"]).unwrap();
    let second = disk(folder.path());
    assert_eq!(values(&second), None);
    commit(&second, 256 * MIB, &[b"in memory"]).unwrap();
    assert_eq!(values(&second).unwrap(), [b"in memory"]);
    drop(first);
    assert_eq!(values(&second).unwrap(), [b"on disk"], "the next try");
    assert!(!folder.path().join(ASIDE_NAME).exists());
}

#[test]
fn a_commit_beyond_the_bound_of_the_file_is_refused_with_its_key_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(folder.path());
    // A quarter of the file is for what the store holds, and half of that for one name.
    let most = 8 * MIB;
    let Err(Error::Full(message)) = commit(&disk, most, &[&vec![7; MIB as usize]]) else { panic!("it has room") };
    assert!(message.starts_with("a name of the store would take"), "{message}");
    assert!(message.ends_with("raise cache_config.max_store_file"), "{message}");

    // redb gives such a value twice its size. Three of them, and those that take their place, are more than half of the file,
    // which grows by its own size.
    let replace = |name: u8, value: u8| {
        with(&disk, most, |backend| {
            let id = Id { digest: [name; 16], ..ID };
            let base = backend.head(&id)?.map(|head| head.revision);
            backend.commit(&id, base, &Changes { puts: vec![put(0, &[value; 525_000])], ..Changes::default() }.into())
        })
    };
    let present = |name: u8| {
        let all = Query::After { after: None, max_bytes: 0, values: true };
        let page = with(&disk, most, |backend| backend.read(&Id { digest: [name; 16], ..ID }, &all)).unwrap();
        page.entries.first().map_or(0, |entry| entry.value[0])
    };
    let refused = (1..=20).find_map(|value| Some((value, replace(value % 3, value).err()?)));
    let (refused, Error::Full(message)) = refused.unwrap() else { panic!("another error") };
    assert!(message.ends_with("would grow beyond 8388608 bytes; raise cache_config.max_store_file"), "{message}");
    for value in refused.saturating_sub(3)..refused {
        assert_eq!(present(value % 3), value, "the file is opened again");
    }
    assert!(std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().len() <= most);
}

#[test]
fn names_without_end_fill_no_more_than_the_file_may_have() {
    const MOST: u64 = 8 * MIB;
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(folder.path());
    let length = || std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().len();
    let (mut kept, mut refused) = (0, 0);
    // Those of one scope, which make no room for each other; then each in a scope of its own, as after reloads with other sources.
    for number in 0..600_u32 {
        let mut digest = [2; 16];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        let scope = if number < 300 { [2; 16] } else { digest };
        let changes =
            Changes { puts: vec![put(0, &vec![7; 40_000])], meta: Some(vec![8; 20_000]), ..Changes::default() };
        match with(&disk, MOST, |backend| backend.commit(&Id { scope, digest }, None, &changes.into())) {
            Ok(_) => kept += 1,
            Err(Error::Full(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(length() <= MOST, "{} bytes", length());
    }
    assert!(kept > 300 && refused > 200, "{kept} kept, {refused} refused");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "one file");
}
