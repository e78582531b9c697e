//! Listings of a Harbor that marks changes, with rows that are kept in between: the same rows as a whole listing gives, for as
//! many requests as there are changes.

use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use crate::store::StoreError;
use proptest::collection::vec;
use proptest::prelude::*;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn listed_with(
    harbor: &MarkingHarbor,
    store: &impl Store,
    interval: Option<Duration>,
    single: Option<&str>,
) -> Collected {
    let mut collected = Collected::default();
    let limits = limits(Detail::Tags);
    block_on(run(harbor, store, limits, interval, single, 0, &mut collected));
    collected
}

/// A listing with the store.
pub(super) fn kept(harbor: &MarkingHarbor, store: &MemoryStore) -> Collected {
    listed_with(harbor, store, Some(HOUR), None)
}

/// A whole listing that keeps nothing.
pub(super) fn whole(harbor: &MarkingHarbor) -> Vec<String> {
    let collected = listed_with(harbor, &NoStore, None, None);
    assert_eq!(collected.errors, []);
    harbor.take_asked();
    collected.rows
}

/// Asserts that a listing with the store gives the rows of a whole one, and returns its requests.
#[track_caller]
pub(super) fn assert_same(harbor: &MarkingHarbor, store: &MemoryStore) -> Vec<String> {
    let expected = whole(harbor);
    let collected = kept(harbor, store);
    assert_eq!((collected.rows, collected.errors), (expected, vec![]));
    harbor.take_asked()
}

/// A Harbor that was listed once, an hour of its clock ago.
pub(super) fn listed_once(projects: usize, repositories: usize) -> (MarkingHarbor, MemoryStore) {
    let (harbor, store) = (MarkingHarbor::filled(projects, repositories, 2), MemoryStore::default());
    assert_same(&harbor, &store);
    harbor.wait(3600);
    (harbor, store)
}

#[test]
fn a_refresh_without_a_change_costs_three_requests_and_no_commit() {
    let (harbor, store) = listed_once(3, 40);
    let commits = store.commits.get();
    for _ in 0..2 {
        assert_eq!(assert_same(&harbor, &store).len(), 3);
    }
    assert_eq!(store.commits.get(), commits);
}

#[test]
fn a_refresh_reads_the_repositories_that_changed() {
    let (harbor, store) = listed_once(2, 40);
    for number in 0..7 {
        harbor.push(&format!("p0/r{number}"));
    }
    harbor.push("p1/new");
    harbor.move_latest("p1/r3", 1);
    let asked = assert_same(&harbor, &store);
    assert_eq!((asked.len(), asked.iter().filter(|path| path.contains("/artifacts")).count()), (3 + 9, 9));
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn a_pull_is_read_again_and_changes_nothing() {
    let (harbor, store) = listed_once(1, 5);
    harbor.pull("p0/r1");
    assert_eq!(assert_same(&harbor, &store).len(), 3 + 1);
}

#[test]
fn a_mark_from_before_the_last_listing_is_found_within_ten_minutes() {
    let (harbor, store) = listed_once(1, 5);
    harbor.push("p0/r1");
    assert_same(&harbor, &store);
    // The push waited for its quota: its mark is older than the newest one.
    harbor.push_marked_at("p0/r2", harbor.clock.get() - 590);
    assert_eq!(assert_same(&harbor, &store).len(), 3 + 1);
}

#[test]
fn what_is_deleted_hidden_or_becomes_visible_is_noticed_by_the_counts() {
    let (harbor, store) = listed_once(3, 5);
    harbor.delete("p0/r1");
    assert_same(&harbor, &store);
    harbor.hidden.borrow_mut().insert("p1".to_owned());
    assert_same(&harbor, &store);
    harbor.hidden.borrow_mut().clear();
    assert_same(&harbor, &store);
    // As many as before, but others.
    harbor.delete("p2/r1");
    harbor.push("p2/other");
    assert_same(&harbor, &store);
    harbor.hidden.borrow_mut().insert("p1".to_owned());
    for number in 0..5 {
        harbor.push(&format!("p9/r{number}"));
    }
    assert_same(&harbor, &store);
}

#[test]
fn a_database_that_was_restored_is_read_again() {
    let (harbor, store) = listed_once(1, 5);
    let backup = harbor.contents.borrow().clone();
    harbor.push("p0/r1");
    harbor.delete_artifact("p0/r2", 0);
    assert_same(&harbor, &store);
    *harbor.contents.borrow_mut() = backup;
    assert_same(&harbor, &store);
}

#[test]
fn a_harbor_that_ignores_the_filter_is_read_whole_from_then_on_and_the_operator_is_told() {
    let (harbor, store) = listed_once(1, 80);
    harbor.ignores_filter.set(true);
    harbor.push("p0/r1");
    assert_same(&harbor, &store);
    assert!(matches!(&store.warnings.borrow()[..], [warning] if warning.contains("has not changed")));
    harbor.ignores_filter.set(false);
    let asked = assert_same(&harbor, &store);
    assert!(!asked.iter().any(|path| path.contains("update_time")), "{asked:?}");
}

#[test]
fn one_change_without_a_mark_ends_the_keeping_at_the_next_whole_listing() {
    let (harbor, store) = listed_once(1, 5);
    harbor.move_latest_unmarked("p0/r1");
    // Nobody can know.
    assert_ne!(kept(&harbor, &store).rows, whole(&harbor));
    store.age.set(2 * 3600);
    assert_same(&harbor, &store);
    assert!(
        matches!(&store.warnings.borrow()[..], [warning] if warning.contains("p0/r1") && warning.contains("not mark"))
    );
    harbor.move_latest_unmarked("p0/r2");
    assert_same(&harbor, &store);
}

#[test]
fn a_change_during_a_whole_listing_is_no_proof_against_the_marks() {
    let (harbor, store) = listed_once(1, 5);
    store.age.set(2 * 3600);
    // After Harbor has told the marks, and before it tells the rows.
    *harbor.meanwhile.borrow_mut() = Some(("/repositories?", Box::new(|harbor| harbor.push("p0/r1"))));
    assert_eq!(kept(&harbor, &store).errors, []);
    assert_eq!(harbor.take_asked().iter().filter(|path| path.ends_with("/repositories/r1")).count(), 1);
    assert!(store.warnings.borrow().is_empty());
    assert_eq!(assert_same(&harbor, &store).len(), 3 + 1);
}

#[test]
fn a_whole_listing_is_due_after_the_interval() {
    let (harbor, store) = listed_once(1, 30);
    store.age.set(3200);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
    store.age.set(4000);
    assert!(assert_same(&harbor, &store).len() > 30);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
    assert!(store.warnings.borrow().is_empty());
}

#[test]
fn an_older_harbor_is_read_whole_each_time() {
    let (harbor, store) = (MarkingHarbor::filled(1, 5, 2), MemoryStore::default());
    harbor.version.set("v2.12.4-6b4981d4dd");
    for _ in 0..2 {
        assert!(assert_same(&harbor, &store).len() > 5);
    }
    assert!(store.entries.borrow().is_empty());
}

#[test]
fn rows_of_another_version_of_harbor_are_read_again() {
    let (harbor, store) = listed_once(1, 5);
    harbor.version.set("v2.17.0-00000000");
    assert!(assert_same(&harbor, &store).len() > 5);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn a_listing_that_runs_out_of_time_keeps_what_it_read_and_the_next_one_goes_on() {
    let (harbor, store) = (MarkingHarbor::filled(2, 20, 1), MemoryStore::default());
    let all = whole(&harbor);
    harbor.answers_left.set(Some(15));
    let first = kept(&harbor, &store);
    assert!(!first.rows.is_empty() && first.rows.len() < all.len());
    assert!(
        matches!(&first.errors[..], [(None, message)] if message.contains("had not ended within 7 s")
        && message.contains("of 40 repositories are kept")),
        "{:?}",
        first.errors
    );
    harbor.take_asked();
    harbor.answers_left.set(Some(15));
    let second = kept(&harbor, &store);
    assert!(second.rows.len() > first.rows.len() && second.rows.len() < all.len(), "{}", second.rows.len());
    assert!(second.rows.iter().all(|row| all.contains(row)));
    harbor.answers_left.set(None);
    let read_twice = kept(&harbor, &store);
    assert_eq!((read_twice.rows, read_twice.errors), (all, vec![]));
    let asked = harbor.take_asked();
    let artifacts: Vec<&String> = asked.iter().filter(|path| path.contains("/artifacts")).collect();
    let unique: std::collections::BTreeSet<&&String> = artifacts.iter().collect();
    assert!(artifacts.len() < 35 && unique.len() == artifacts.len(), "{artifacts:?}");
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn a_whole_listing_that_is_due_and_runs_out_of_time_gives_the_kept_rows_of_what_it_did_not_reach() {
    let (harbor, store) = listed_once(2, 20);
    harbor.push("p1/r9");
    let mut expected = whole(&harbor);
    // What is kept of it is not right any more.
    expected.retain(|row| !row.starts_with("p1/r9:"));
    store.age.set(2 * 3600);
    harbor.answers_left.set(Some(10));
    let collected = kept(&harbor, &store);
    assert_eq!(collected.rows, expected);
    let [(None, message)] = &collected.errors[..] else { panic!("{:?}", collected.errors) };
    for part in ["had not ended within 7 s", "missing: 1 repository; the rows of ", " are those of an earlier listing"]
    {
        assert!(message.contains(part), "{message}");
    }
    harbor.answers_left.set(None);
    harbor.take_asked();
    let asked = assert_same(&harbor, &store);
    assert_eq!(asked.iter().filter(|path| path.contains("/artifacts")).count(), 1, "{asked:?}");
}

#[test]
fn kept_rows_of_a_long_repository_are_given_where_the_time_is_over_and_otherwise_what_was_read() {
    let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
    for _ in 0..6_000 {
        harbor.push("p/long");
    }
    assert_same(&harbor, &store);
    let all = whole(&harbor);
    // After the login, the projects, all repositories and the first page, which is read again for the stream.
    for (answers, rows) in [(4, 6_000), (10, 600)] {
        store.age.set(2 * 3600);
        harbor.answers_left.set(Some(answers));
        let collected = kept(&harbor, &store);
        assert_eq!(collected.rows, all[..collected.rows.len()]);
        assert!(collected.rows.len().abs_diff(rows) <= 600 && !collected.rows.is_empty(), "{}", collected.rows.len());
        assert_eq!(collected.errors.len(), 1);
        harbor.answers_left.set(None);
        assert!(assert_same(&harbor, &store).len() < 6, "it is kept still");
    }
}

#[test]
fn a_repository_that_fails_is_told_and_read_the_next_time() {
    let (harbor, store) = listed_once(1, 5);
    let before = whole(&harbor);
    harbor.push("p0/r1");
    *harbor.fails.borrow_mut() = Some("/r1/artifacts".to_owned());
    let collected = kept(&harbor, &store);
    assert!(matches!(&collected.errors[..], [(Some(name), _)] if name == "p0/r1"), "{:?}", collected.errors);
    let others: Vec<String> = before.into_iter().filter(|row| !row.starts_with("p0/r1:")).collect();
    assert_eq!(collected.rows, others);
    *harbor.fails.borrow_mut() = None;
    // Long after, when the mark is no change any more.
    harbor.wait(7200);
    assert_same(&harbor, &store);
}

#[test]
fn damaged_values_are_read_from_harbor() {
    let (harbor, store) = listed_once(2, 5);
    for (number, entry) in store.entries.borrow_mut().values_mut().enumerate() {
        if number % 3 == 0 {
            *entry.value.last_mut().unwrap() ^= 1;
        }
    }
    assert_eq!(assert_same(&harbor, &store).len(), 3 + 4);
    assert_same(&harbor, &store);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn entries_that_are_lost_or_strange_cost_no_row() {
    let (harbor, store) = listed_once(2, 5);
    let keys: Vec<Vec<u8>> = store.entries.borrow().keys().cloned().collect();
    store.entries.borrow_mut().remove(&keys[2]);
    store.entries.borrow_mut().get_mut(&keys[4]).unwrap().version.push(0);
    let mut strange = store.entries.borrow()[&keys[0]].clone();
    strange.key = b"strange".to_vec();
    store.entries.borrow_mut().insert(strange.key.clone(), strange);
    assert_same(&harbor, &store);
    assert!(!store.entries.borrow().contains_key(&b"strange"[..]));
}

#[test]
fn a_store_that_refuses_costs_no_row_and_the_operator_is_told_once() {
    for (error, told) in [
        (StoreError::Failed("the disk is full".to_owned()), true),
        (StoreError::Conflict, false),
        (StoreError::Unavailable, false),
    ] {
        let (harbor, store) = listed_once(1, 5);
        harbor.push("p0/r1");
        *store.refuses.borrow_mut() = Some(error.clone());
        assert_same(&harbor, &store);
        let warnings = store.warnings.take();
        assert_eq!(warnings.iter().filter(|warning| warning.contains("the disk is full")).count(), usize::from(told));
    }
}

#[test]
fn a_long_repository_is_kept_in_several_values() {
    let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
    harbor.padding.set(300);
    for _ in 0..6_000 {
        harbor.push("p/long");
    }
    harbor.push("p/short");
    assert_same(&harbor, &store);
    let values = store.entries.borrow().keys().filter(|key| key.starts_with(b"p\0long\0")).count();
    assert!(values > 1, "{values}");
    assert_eq!(assert_same(&harbor, &store).len(), 3);
    harbor.push("p/long");
    assert_same(&harbor, &store);
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Push(u8),
    MoveLatest(u8, usize),
    Untag(u8, usize),
    DeleteArtifact(u8, usize),
    Delete(u8),
    Pull(u8),
    Hide(u8),
    Show,
    Wait(i64),
    /// A listing of which only so many requests are answered.
    Outage(usize),
    Lose(usize),
    List,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Push),
        1 => (any::<u8>(), 0_usize..4).prop_map(|(name, place)| Step::MoveLatest(name, place)),
        1 => (any::<u8>(), 0_usize..4).prop_map(|(name, place)| Step::Untag(name, place)),
        1 => (any::<u8>(), 0_usize..4).prop_map(|(name, place)| Step::DeleteArtifact(name, place)),
        1 => any::<u8>().prop_map(Step::Delete),
        1 => any::<u8>().prop_map(Step::Pull),
        1 => any::<u8>().prop_map(Step::Hide),
        1 => Just(Step::Show),
        2 => (1_i64..2_000).prop_map(Step::Wait),
        1 => (0_usize..30).prop_map(Step::Outage),
        1 => any::<usize>().prop_map(Step::Lose),
        3 => Just(Step::List),
    ]
}

pub(super) fn name(number: u8) -> String {
    ["a/x", "a/x/y", "a/z", "a-b/x", "a-b/y", "b/x", "b/x-y", "c/only"][usize::from(number) % 8].to_owned()
}

/// Changes Harbor.
pub(super) fn apply(harbor: &MarkingHarbor, step: &Step) {
    match *step {
        Step::Push(number) => harbor.push(&name(number)),
        Step::MoveLatest(number, place) => drop(harbor.move_latest(&name(number), place)),
        Step::Untag(number, place) => drop(harbor.untag(&name(number), place)),
        Step::DeleteArtifact(number, place) => drop(harbor.delete_artifact(&name(number), place)),
        Step::Delete(number) => harbor.delete(&name(number)),
        Step::Pull(number) => drop(harbor.pull(&name(number))),
        Step::Hide(number) => {
            harbor.hidden.borrow_mut().insert(["a", "a-b", "b", "c"][usize::from(number) % 4].to_owned());
        }
        Step::Show => harbor.hidden.borrow_mut().clear(),
        Step::Wait(_) | Step::Outage(_) | Step::Lose(_) | Step::List => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_happens_kept_rows_are_those_of_a_whole_listing(steps in vec(step(), 1..40)) {
        let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
        harbor.push("a/x");
        for step in steps {
            match step {
                // Harbor's marks are no finer than its clock: two changes at one moment look like one.
                Step::Wait(seconds) => {
                    harbor.wait(seconds);
                    store.age.set(store.age.get() + seconds as u64);
                }
                Step::Outage(answers) => {
                    harbor.answers_left.set(Some(answers));
                    kept(&harbor, &store);
                    harbor.answers_left.set(None);
                }
                Step::Lose(number) => {
                    let mut entries = store.entries.borrow_mut();
                    if !entries.is_empty() {
                        let key = entries.keys().nth(number % entries.len()).unwrap().clone();
                        entries.remove(&key);
                    }
                }
                Step::List => {
                    let collected = kept(&harbor, &store);
                    prop_assert_eq!(collected.errors, vec![]);
                    prop_assert_eq!(collected.rows, whole(&harbor));
                }
                change => apply(&harbor, &change),
            }
            harbor.wait(1);
        }
        prop_assert_eq!(kept(&harbor, &store).rows, whole(&harbor));
        prop_assert!(store.warnings.borrow().is_empty(), "{:?}", store.warnings.borrow());
    }
}
