//! Tags that move between the pages of a list while it is read.

use super::kept::{HOUR, assert_same, kept, listed_with, whole};
use super::marking_harbor::{MarkingHarbor, Meanwhile};
use super::memory_store::MemoryStore;
use super::*;

/// One repository of two pages, whose tag `latest` is on the second one.
fn two_pages() -> MarkingHarbor {
    let harbor = MarkingHarbor::filled(1, 1, 150);
    harbor.move_latest("p0/r0", 140);
    harbor.wait(3600);
    harbor
}

/// Moves the tag to this place.
fn moves(place: usize) -> Meanwhile {
    Box::new(move |harbor| {
        harbor.wait(1);
        harbor.move_latest("p0/r0", place);
    })
}

fn pulls() -> Meanwhile {
    Box::new(|harbor| {
        harbor.wait(1);
        harbor.pull("p0/r0");
    })
}

/// The changes come one after each request for a page.
fn after_each_page(harbor: &MarkingHarbor, changes: impl Iterator<Item = Meanwhile>) {
    harbor.after_each.replace(Some(("/artifacts?", changes.collect())));
}

fn pages(asked: &[String]) -> usize {
    asked.iter().filter(|path| path.contains("/artifacts?")).count()
}

fn questions(asked: &[String]) -> usize {
    asked.iter().filter(|path| path.contains("update_time")).count()
}

#[test]
fn a_repository_of_several_pages_that_does_not_change_costs_one_more_request() {
    let (harbor, store) = (two_pages(), MemoryStore::default());
    harbor.push("p0/short");
    let asked = assert_same(&harbor, &store);
    assert_eq!((asked.len(), pages(&asked), questions(&asked)), (3 + 3 + 1, 3, 1), "{asked:?}");
    assert_eq!(assert_same(&harbor, &store).len(), 3, "kept rows");
    harbor.wait(1);
    harbor.push("p0/r0");
    let asked = assert_same(&harbor, &store);
    assert_eq!((asked.len(), pages(&asked), questions(&asked)), (3 + 2 + 1, 2, 2), "{asked:?}");
}

#[test]
fn a_tag_that_moves_to_a_page_that_is_read_already_is_in_the_listing() {
    for keeps in [false, true] {
        let (harbor, store) = (two_pages(), MemoryStore::default());
        *harbor.meanwhile.borrow_mut() = Some(("/artifacts?page=1", moves(3)));
        let collected = match keeps {
            true => kept(&harbor, &store),
            false => listed_with(&harbor, &NoStore, None, None),
        };
        let asked = harbor.take_asked();
        assert_eq!((pages(&asked), questions(&asked)), (4, 2), "{asked:?}");
        assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
        if keeps {
            assert_eq!(assert_same(&harbor, &store).len(), 3, "the rows are kept with the mark that they have");
        }
    }
}

#[test]
fn a_tag_that_moves_while_a_refresh_reads_what_changed_is_in_the_listing() {
    let (harbor, store) = (two_pages(), MemoryStore::default());
    assert_same(&harbor, &store);
    harbor.wait(3600);
    harbor.push("p0/r0");
    *harbor.meanwhile.borrow_mut() = Some(("/artifacts?page=1", moves(3)));
    let collected = kept(&harbor, &store);
    let asked = harbor.take_asked();
    assert_eq!((asked.len(), pages(&asked)), (3 + 4 + 2, 4), "{asked:?}");
    assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn a_tag_that_moves_while_lost_rows_are_read_again_is_in_the_listing() {
    let (harbor, store) = (two_pages(), MemoryStore::default());
    assert_same(&harbor, &store);
    for entry in store.entries.borrow_mut().values_mut().filter(|entry| entry.key.starts_with(b"p0")) {
        *entry.value.last_mut().unwrap() ^= 1;
    }
    *harbor.meanwhile.borrow_mut() = Some(("/artifacts?page=1", moves(3)));
    let collected = kept(&harbor, &store);
    assert_eq!(pages(&harbor.take_asked()), 4);
    assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
}

#[test]
fn a_tag_that_moves_between_the_pages_of_a_project_is_in_the_listing() {
    let (harbor, store) = (MarkingHarbor::new(), MemoryStore::default());
    for _ in 0..15 {
        (0..12).for_each(|number| harbor.push(&format!("p0/r{number}")));
    }
    harbor.move_latest("p0/r0", 14);
    harbor.wait(3600);
    let by_repository = whole(&harbor);
    harbor.lists_projects.set(true);
    harbor.costs(0.01);
    let asked = assert_same(&harbor, &MemoryStore::default());
    assert_eq!((asked.len(), pages(&asked), questions(&asked)), (3 + 2 + 1, 2, 1), "{asked:?}");
    assert_eq!(whole(&harbor), by_repository);
    *harbor.meanwhile.borrow_mut() = Some(("/projects/p0/artifacts?page=1", moves(0)));
    let collected = kept(&harbor, &store);
    let asked = harbor.take_asked();
    assert_eq!((asked.len(), pages(&asked), questions(&asked)), (3 + 2 + 1 + 1, 3, 1), "{asked:?}");
    assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}

#[test]
fn a_change_that_was_marked_minutes_before_it_could_be_seen_is_found() {
    let harbor = two_pages();
    let late = |harbor: &MarkingHarbor| {
        harbor.move_latest("p0/r0", 3);
        harbor.push_marked_at("p0/r0", harbor.clock.get() - 590);
    };
    *harbor.meanwhile.borrow_mut() = Some(("/artifacts?page=1", Box::new(late)));
    let collected = listed_with(&harbor, &NoStore, None, None);
    assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
}

#[test]
fn a_repository_that_is_pulled_all_the_time_has_the_same_rows_twice_and_is_no_failure() {
    for buffered_rows in [5_000, 100] {
        let harbor = two_pages();
        let expected = whole(&harbor);
        after_each_page(&harbor, (0..100).map(|_| pulls()));
        let collected = listed_with_room_for(&harbor, buffered_rows);
        assert_eq!((collected.rows, collected.errors), (expected, vec![]), "{buffered_rows}");
        let asked = harbor.take_asked();
        assert_eq!(questions(&asked), 1, "{asked:?}");
    }
}

#[test]
fn a_repository_that_changes_each_time_that_it_is_read_is_a_failure() {
    let harbor = two_pages();
    after_each_page(&harbor, (0..100).map(moves));
    let collected = listed_with(&harbor, &NoStore, None, None);
    assert!(
        matches!(&collected.errors[..], [(Some(name), message)] if name == "p0/r0" && message.contains("kept changing")),
        "{:?}",
        collected.errors
    );
    let asked = harbor.take_asked();
    assert_eq!((collected.rows.len() >= 150, pages(&asked), questions(&asked)), (true, 6, 3), "{asked:?}");
}

/// A listing that buffers so many rows of one list.
fn listed_with_room_for(harbor: &MarkingHarbor, buffered_rows: usize) -> Collected {
    let mut collected = Collected::default();
    let limits = Limits { buffered_rows, ..limits(Detail::Tags) };
    block_on(run(harbor, &NoStore, limits, None, None, 0, &mut collected));
    collected
}

#[test]
fn a_tag_that_moves_while_a_long_repository_is_streamed_is_a_failure() {
    let harbor = two_pages();
    assert_eq!(listed_with_room_for(&harbor, 100).rows, whole(&harbor));
    // The first request for the page finds out that the list is long.
    after_each_page(&harbor, [pulls(), moves(3)].into_iter());
    let collected = listed_with_room_for(&harbor, 100);
    assert!(
        matches!(&collected.errors[..], [(Some(name), message)] if name == "p0/r0" && message.contains("kept changing")),
        "{:?}",
        collected.errors
    );
}

#[test]
fn rows_of_which_nobody_says_whether_they_changed_are_given_with_a_failure() {
    let harbor = two_pages();
    let expected = whole(&harbor);
    *harbor.fails.borrow_mut() = Some("update_time".to_owned());
    let collected = listed_with(&harbor, &NoStore, None, None);
    assert_eq!(collected.rows, expected);
    assert!(
        matches!(&collected.errors[..], [(Some(name), message)] if name == "p0/r0" && message.contains("503")),
        "{:?}",
        collected.errors
    );
    let store = MemoryStore::default();
    kept(&harbor, &store);
    *harbor.fails.borrow_mut() = None;
    harbor.take_asked();
    assert_eq!(pages(&assert_same(&harbor, &store)), 2, "the next listing reads it again");
    assert!(listed_with(&harbor, &store, Some(HOUR), None).errors.is_empty());
}

#[test]
fn an_older_harbor_is_not_asked_what_changed() {
    let harbor = two_pages();
    harbor.version.set("v2.15.0-00000000");
    assert_eq!(listed_with(&harbor, &NoStore, None, None).errors, []);
    let asked = harbor.take_asked();
    assert_eq!((pages(&asked), questions(&asked)), (2, 0));
}
