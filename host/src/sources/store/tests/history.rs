//! Random commits, in memory and on disk, against a model.

use super::super::bounds::Room;
use super::super::disk::Disk;
use super::super::memory::Memory;
use super::super::model::{Backend, Changes, Entry, Error, Query};
use super::{TOTAL, all, id};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    /// A commit on the present revision, or on an old one.
    Commit { name: u8, deletes: Vec<u8>, puts: Vec<(u8, u8, u16)>, meta: Option<u8>, stale: bool },
    /// The program starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = (0..12_u8, any::<u8>(), prop_oneof![0..50_u16, 4000..9000_u16]);
    let parts = (0..2_u8, prop::collection::vec(0..12_u8, 0..4), prop::collection::vec(put, 0..6));
    let commit = (parts, prop::option::of(any::<u8>()), prop::bool::weighted(0.1));
    let commit =
        commit.prop_map(|((name, deletes, puts), meta, stale)| Step::Commit { name, deletes, puts, meta, stale });
    prop::collection::vec(prop_oneof![8 => commit, 1 => Just(Step::Restart)], 1..25)
}

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)>;
/// Work on a store.
type Work<'a> = &'a mut dyn FnMut(&dyn Backend);

/// Makes the steps in the store and in maps, and compares both after each one.
fn follow(steps: &[Step], with: &mut dyn FnMut(bool, Work<'_>)) {
    let mut models: [(Option<u64>, Vec<u8>, Model); 2] = Default::default();
    for step in steps {
        with(matches!(step, Step::Restart), &mut |backend| {
            if let Step::Commit { name, deletes, puts, meta, stale } = step {
                let (revision, model_meta, model) = &mut models[usize::from(*name)];
                let put = |(key, version, length): &(u8, u8, u16)| Entry {
                    key: vec![b'k', *key],
                    version: vec![*version],
                    value: vec![*version; usize::from(*length)],
                };
                let changes = Changes {
                    deletes: deletes.iter().map(|key| vec![b'k', *key]).collect(),
                    puts: puts.iter().map(put).collect(),
                    meta: meta.map(|meta| vec![meta]),
                };
                let base = if *stale { revision.map_or(Some(1), |revision| Some(revision ^ 1)) } else { *revision };
                let outcome = backend.commit(&id(1, *name), base, &changes.clone().into());
                if *stale {
                    assert_eq!(outcome, Err(Error::Conflict));
                } else {
                    *revision = Some(outcome.unwrap());
                    changes.deletes.iter().for_each(|key| drop(model.remove(key)));
                    for Entry { key, version, value } in changes.puts {
                        model.insert(key, (version, value));
                    }
                    if let Some(meta) = changes.meta {
                        *model_meta = meta;
                    }
                }
            }
            for (name, (revision, meta, model)) in models.iter().enumerate() {
                let id = id(1, name as u8);
                let head = backend.head(&id).unwrap();
                assert_eq!(head.as_ref().map(|head| head.revision), *revision);
                let sizes = model.iter().map(|(key, (version, value))| 64 + key.len() + version.len() + value.len());
                if let Some(head) = head {
                    assert_eq!(&head.meta, meta);
                    assert_eq!(head.bytes, (64 + meta.len() + sizes.sum::<usize>()) as u64);
                }
                let entry = |(key, (version, value)): (&Vec<u8>, &(Vec<u8>, Vec<u8>))| Entry {
                    key: key.clone(),
                    version: version.clone(),
                    value: value.clone(),
                };
                let expected: Vec<Entry> = model.iter().map(entry).collect();
                assert_eq!(all(backend, &id, 10_000, true), expected);
                let keys: Vec<Vec<u8>> = model.keys().rev().cloned().collect();
                let got = backend.read(&id, &Query::Keys(keys)).unwrap();
                assert!(got.entries.iter().eq(expected.iter().rev()) && !got.more);
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_commits_the_store_holds_what_a_map_would(steps in steps()) {
        let memory = Memory::default();
        let room = Room { total: TOTAL, key: "", configured: 0 };
        follow(&steps, &mut |_, work| work(&memory.within(room)));
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::new(folder.path(), Arc::default());
        follow(&steps, &mut |restart, work| {
            if restart {
                disk = Disk::new(&folder.path().join("none"), Arc::default());
                disk = Disk::new(folder.path(), Arc::default());
            }
            work(&disk.within(4 * TOTAL, Room { total: 0, ..room }));
        });
    }
}
