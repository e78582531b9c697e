//! Kept rows of which something is in doubt: what Harbor does not say, what a failure left behind, and what another listing
//! changes at the same time. No row is wrong, and none is lost without an error.

use super::kept::{HOUR, assert_same, kept, listed_once, listed_with, whole};
use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use serde_json::Value;

fn be_odd(harbor: &MarkingHarbor, name: &str, field: &'static str, value: Value) {
    harbor.odd.borrow_mut().insert(name.to_owned(), (field, value));
}

#[test]
fn a_repository_of_which_harbor_says_too_little_to_keep_it_loses_no_row() {
    let odd = [
        ("artifact_count", Value::Null),
        ("artifact_count", json!(-1)),
        ("update_time", Value::Null),
        ("update_time", json!("yesterday")),
    ];
    for (field, value) in odd {
        // From the beginning.
        let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
        be_odd(&harbor, "p0/r1", field, value.clone());
        for _ in 0..3 {
            assert_same(&harbor, &store);
        }
        // From some change on.
        let (harbor, store) = listed_once(2, 5);
        harbor.push("p0/r1");
        be_odd(&harbor, "p0/r1", field, value.clone());
        for _ in 0..3 {
            assert_same(&harbor, &store);
        }
        harbor.wait(3600);
        harbor.push("p0/r2");
        assert_same(&harbor, &store);
    }
}

#[test]
fn a_long_repository_of_which_harbor_says_too_little_to_keep_it_loses_no_row() {
    let (harbor, store) = listed_once(2, 3);
    harbor.padding.set(10_000);
    (0..600).for_each(|_| harbor.push("p0/long"));
    be_odd(&harbor, "p0/long", "artifact_count", Value::Null);
    for _ in 0..2 {
        assert_same(&harbor, &store);
    }
}

#[test]
fn a_deletion_does_not_make_up_for_a_repository_that_failed() {
    let (harbor, store) = listed_once(1, 5);
    harbor.push("p0/r1");
    harbor.wait(3600);
    harbor.push("p0/r2");
    *harbor.fails.borrow_mut() = Some("/r1/artifacts".to_owned());
    assert_eq!(kept(&harbor, &store).errors.len(), 1);
    *harbor.fails.borrow_mut() = None;
    // Harbor counts as many repositories as are kept.
    harbor.delete("p0/r3");
    assert_same(&harbor, &store);
}

#[test]
fn a_deletion_does_not_make_up_for_a_damaged_value() {
    let (harbor, store) = listed_once(1, 5);
    *store.entries.borrow_mut().values_mut().nth(1).unwrap().value.last_mut().unwrap() ^= 1;
    assert_same(&harbor, &store);
    harbor.delete("p0/r3");
    assert_same(&harbor, &store);
}

#[test]
fn a_deletion_does_not_make_up_for_an_entry_that_the_store_lost() {
    let (harbor, store) = listed_once(1, 5);
    let key = store.entries.borrow().keys().nth(1).unwrap().clone();
    store.entries.borrow_mut().remove(&key);
    harbor.delete("p0/r3");
    assert_same(&harbor, &store);
}

/// Changes Harbor as `change` does and lists it, all while another listing reads the first page of kept rows.
fn overtaken(harbor: &MarkingHarbor, store: &MemoryStore, change: impl FnOnce(&MarkingHarbor)) -> Collected {
    let (before, other) = (harbor.contents.borrow().clone(), store.copy());
    change(harbor);
    kept(harbor, &other);
    *harbor.fails.borrow_mut() = None;
    *harbor.contents.borrow_mut() = before;
    *store.meanwhile.borrow_mut() = Some(Box::new(move |store| store.become_like(&other)));
    kept(harbor, store)
}

#[test]
fn a_listing_that_another_one_overtakes_loses_no_row() {
    let (harbor, store) = listed_once(1, 9);
    let expected = whole(&harbor);
    let collected = overtaken(&harbor, &store, |harbor| {
        harbor.push("p0/s");
        harbor.push("p0/r7");
        *harbor.fails.borrow_mut() = Some("/r7/artifacts".to_owned());
    });
    assert_eq!((collected.rows, collected.errors), (expected, vec![]));
}

#[test]
fn a_listing_that_another_one_overtakes_mixes_no_rows_of_one_repository() {
    let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
    harbor.padding.set(10_000);
    for _ in 0..600 {
        harbor.push("p/long");
    }
    assert_same(&harbor, &store);
    assert!(store.entries.borrow().len() > 3, "the rows take more than one page");
    harbor.wait(1);
    let expected = whole(&harbor);
    let collected = overtaken(&harbor, &store, |harbor| (0..10).for_each(|_| harbor.push("p/long")));
    assert_eq!(collected.rows.len(), expected.len());
    assert!(collected.rows == expected && collected.errors.is_empty(), "{:?}", collected.errors);
}

#[test]
fn a_damaged_value_of_a_repository_that_harbor_lists_thin_is_a_failure() {
    let (harbor, store) = listed_once(1, 5);
    *store.entries.borrow_mut().values_mut().nth(1).unwrap().value.last_mut().unwrap() ^= 1;
    harbor.lists_nothing_of.borrow_mut().insert("p0/r1".to_owned());
    let collected = kept(&harbor, &store);
    assert_only_error(&collected, "p0/r1", &["counts 2"]);
}

#[test]
fn a_failure_is_told_once_though_the_refresh_ends_in_a_whole_listing() {
    let (harbor, store) = listed_once(1, 5);
    harbor.push("p0/r1");
    harbor.push("p0/r2");
    *harbor.fails.borrow_mut() = Some("/r1/artifacts".to_owned());
    *store.refuses.borrow_mut() = Some(crate::store::StoreError::Conflict);
    assert_eq!(kept(&harbor, &store).errors.len(), 1);
}

#[test]
fn the_deletion_of_the_latest_repository_costs_no_whole_listing() {
    let (harbor, store) = listed_once(2, 40);
    harbor.delete("p1/r39");
    assert_eq!(assert_same(&harbor, &store).len(), 4);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn a_restored_database_is_noticed_though_its_latest_repository_changed_again() {
    let (harbor, store) = listed_once(1, 5);
    let backup = harbor.contents.borrow().clone();
    harbor.push("p0/r1");
    harbor.delete_artifact("p0/r2", 0);
    harbor.push("p0/r3");
    assert_same(&harbor, &store);
    *harbor.contents.borrow_mut() = backup;
    harbor.wait(1);
    harbor.push("p0/r3");
    assert_same(&harbor, &store);
}

#[test]
fn a_restored_database_is_noticed_though_the_only_repository_of_the_last_minutes_changed_again() {
    let (harbor, store) = listed_once(3, 20);
    let backup = harbor.contents.borrow().clone();
    harbor.delete_artifact("p2/r2", 0);
    harbor.wait(3600);
    harbor.push("p0/r0");
    assert_same(&harbor, &store);
    *harbor.contents.borrow_mut() = backup;
    harbor.wait(1);
    harbor.push("p0/r0");
    assert_same(&harbor, &store);
}

#[test]
fn many_repositories_of_one_moment_cost_no_more_requests() {
    let harbor = MarkingHarbor::new();
    for number in 0..100 {
        harbor.push(&format!("p0/r{number}"));
    }
    let store = MemoryStore::default();
    assert_same(&harbor, &store);
    harbor.wait(3600);
    harbor.push("p0/r7");
    assert_same(&harbor, &store);
    harbor.wait(3600);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn what_changes_while_a_harbor_answers_that_marks_nothing_is_not_missed_later() {
    let (harbor, store) = listed_once(2, 5);
    let marking = harbor.version.replace("v2.15.1");
    harbor.move_latest_unmarked("p1/r2");
    assert_same(&harbor, &store);
    harbor.version.set(marking);
    assert_same(&harbor, &store);
    harbor.wait(3600);
    assert_eq!(assert_same(&harbor, &store).len(), 3, "from then on, rows are kept as before");
}

#[test]
fn a_mark_in_the_future_hides_no_change() {
    let (harbor, store) = listed_once(1, 5);
    harbor.push_marked_at("p0/r0", harbor.clock.get() + 86_400);
    assert_same(&harbor, &store);
    for number in 1..4 {
        harbor.wait(3600);
        harbor.push(&format!("p0/r{number}"));
        assert_eq!(assert_same(&harbor, &store).len(), 3 + 1);
    }
}

#[test]
fn a_clock_of_harbor_that_was_set_back_hides_no_change() {
    for (back, later) in [(7200, 0), (7200, 7000), (590, 100)] {
        let (harbor, store) = listed_once(1, 5);
        harbor.push("p0/r0");
        assert_same(&harbor, &store);
        harbor.wait(-back);
        harbor.push("p0/r1");
        harbor.wait(later);
        store.age.set(later as u64);
        assert_same(&harbor, &store);
        assert_eq!(assert_same(&harbor, &store).len(), 3, "{back}, {later}");
    }
}

/// A listing of one project with the store.
fn kept_of_one(harbor: &MarkingHarbor, store: &MemoryStore) -> Collected {
    harbor.take_asked();
    listed_with(harbor, store, Some(HOUR), Some("p0"))
}

#[test]
fn a_refresh_of_one_project_without_a_change_costs_three_requests() {
    let (harbor, store) = (MarkingHarbor::filled(2, 250, 1), MemoryStore::default());
    let first = kept_of_one(&harbor, &store);
    harbor.wait(3600);
    let second = kept_of_one(&harbor, &store);
    assert_eq!((second.rows.len(), second.errors), (250, vec![]));
    assert_eq!(harbor.take_asked().len(), 3);
    // What was deleted is noticed as before.
    harbor.delete("p0/r7");
    let third = kept_of_one(&harbor, &store);
    let others: Vec<String> = first.rows.into_iter().filter(|row| !row.starts_with("p0/r7:")).collect();
    assert_eq!((third.rows, third.errors), (others, vec![]));
    assert_eq!(harbor.take_asked().len(), 2 + 3);
}

#[test]
fn a_listing_of_one_project_that_runs_out_of_time_says_how_many_repositories_there_are() {
    let (harbor, store) = (MarkingHarbor::filled(1, 30, 1), MemoryStore::default());
    for answers in [10, 20] {
        harbor.answers_left.set(Some(answers));
        let errors = kept_of_one(&harbor, &store).errors;
        assert!(
            matches!(&errors[..], [(None, message)] if message.contains("of 30 repositories are kept")),
            "{errors:?}"
        );
    }
}

#[test]
fn another_order_of_a_long_repository_is_no_change() {
    // Harbor lists artifacts that were pushed at one moment in any order, and so many are given before all of them are there.
    let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
    for _ in 0..6_000 {
        harbor.push("p/long");
    }
    let rows = |backwards| {
        harbor.at_one_moment.set(Some(backwards));
        store.age.set(2 * 3600);
        let collected = kept(&harbor, &store);
        assert_eq!(collected.errors, []);
        collected.rows
    };
    let (mut one, mut other) = (rows(false), rows(true));
    assert_ne!(one, other);
    one.sort();
    other.sort();
    assert_eq!(one, other);
    assert!(store.warnings.borrow().is_empty(), "{:?}", store.warnings.borrow());
    harbor.move_latest_unmarked("p/long");
    rows(false);
    assert!(matches!(&store.warnings.borrow()[..], [warning] if warning.contains("p/long")));
}
