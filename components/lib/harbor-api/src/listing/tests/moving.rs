//! Tags that move between the pages of a list while it is read.

use super::kept::{HOUR, assert_same, kept, listed_with, whole};
use super::marking_harbor::{MarkingHarbor, Meanwhile};
use super::memory_store::MemoryStore;
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

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
    assert_only_error(&collected, "p0/r0", &["kept changing"]);
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
    assert_only_error(&collected, "p0/r0", &["kept changing"]);
}

#[test]
fn a_long_repository_that_changes_while_it_is_streamed_is_kept_and_read_again_the_next_time() {
    let (harbor, store) = (two_pages(), MemoryStore::default());
    let list = |store: &MemoryStore| {
        let mut collected = Collected::default();
        let limits = Limits { buffered_rows: 100, ..limits(Detail::Tags) };
        block_on(run(&harbor, store, limits, Some(HOUR), None, 0, &mut collected));
        collected
    };
    for _ in 0..2 {
        after_each_page(&harbor, [pulls(), moves(3)].into_iter());
        let collected = list(&store);
        assert!(matches!(&collected.errors[..], [(Some(_), message)] if message.contains("kept changing")));
        assert!(collected.rows.len() >= 150);
        harbor.take_asked();
        let collected = list(&store);
        assert!(pages(&harbor.take_asked()) > 0);
        assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
        harbor.wait(3600);
        harbor.move_latest("p0/r0", 140);
    }
}

#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Pull,
    Push,
    Move(usize),
    Delete(usize),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_tag_that_is_there_all_the_time_is_given_once_or_a_failure_is_told(
        changes in vec(prop_oneof![
            4 => Just(Change::Nothing),
            1 => Just(Change::Pull),
            1 => Just(Change::Push),
            3 => (0_usize..24).prop_map(Change::Move),
            1 => (0_usize..24).prop_map(Change::Delete),
        ], 0..25),
        buffered_rows in prop_oneof![Just(3_usize), Just(5_000)],
        lists_projects in any::<bool>(),
        keeps in any::<bool>(),
    ) {
        let harbor = MarkingHarbor::new();
        harbor.lists_projects.set(lists_projects);
        harbor.costs(0.01);
        for _ in 0..8 {
            (0..3).for_each(|number| harbor.push(&format!("p0/r{number}")));
        }
        harbor.move_latest("p0/r0", 20);
        harbor.wait(3600);
        let push_latest = |harbor: &MarkingHarbor| {
            harbor.push("p0/r0");
            harbor.move_latest("p0/r0", 0);
        };
        // A tag that moves to a later page and back again between the same pages of two readings escapes both.
        let mut moves_left = 2;
        let changes = changes.into_iter().map(|change| -> Meanwhile {
            let may_move = matches!(change, Change::Move(_)) && moves_left > 0;
            moves_left -= i32::from(may_move);
            Box::new(move |harbor| {
                harbor.wait(1);
                match change {
                    Change::Nothing => {}
                    Change::Pull => drop(harbor.pull("p0/r0")),
                    Change::Move(place) if may_move => drop(harbor.move_latest("p0/r0", place)),
                    Change::Push | Change::Move(_) => push_latest(harbor),
                    Change::Delete(place) => {
                        harbor.delete_artifact("p0/r0", place);
                        push_latest(harbor);
                    }
                }
            })
        });
        after_each_page(&harbor, changes);
        let store = MemoryStore::default();
        let list = || {
            let mut collected = Collected::default();
            let limits = Limits { buffered_rows, page_size: 5, ..limits(Detail::Tags) };
            let interval = keeps.then_some(HOUR);
            block_on(run(&harbor, &store, limits, interval, None, 0, &mut collected));
            collected
        };
        for number in 0..3 {
            let collected = list();
            let given = collected.rows.iter().filter(|row| *row == "p0/r0:latest").count();
            prop_assert!(given == 1 || !collected.errors.is_empty(), "{given} times in listing {number}");
            prop_assert!(harbor.take_asked().len() < 200);
        }
        harbor.after_each.replace(None);
        let collected = list();
        prop_assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
    }
}

#[test]
fn rows_of_which_nobody_says_whether_they_changed_are_given_with_a_failure() {
    let harbor = two_pages();
    let expected = whole(&harbor);
    *harbor.fails.borrow_mut() = Some("update_time".to_owned());
    let collected = listed_with(&harbor, &NoStore, None, None);
    assert_eq!(collected.rows, expected);
    let [(None, message)] = &collected.errors[..] else {
        panic!("not one failure of a project: {:?}", collected.errors)
    };
    assert!(message.starts_with("project p0: GET") && message.contains("503"), "{message}");
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

/// Twenty projects with a repository of two pages each.
fn twenty_projects() -> MarkingHarbor {
    let harbor = MarkingHarbor::filled(20, 1, 150);
    for number in 0..20 {
        harbor.move_latest(&format!("p{number}/r0"), 140);
    }
    harbor.wait(3600);
    harbor
}

#[test]
fn one_question_validates_twenty_pages_whatever_projects_they_are_of() {
    for lists_projects in [false, true] {
        let harbor = twenty_projects();
        harbor.lists_projects.set(lists_projects);
        harbor.costs(0.01);
        let asked = assert_same(&harbor, &MemoryStore::default());
        assert_eq!((pages(&asked), questions(&asked)), (40, 2), "{asked:?}");
        let of_all = asked.iter().filter(|path| path.starts_with("/repositories?") && path.contains("update_time"));
        assert_eq!(of_all.count(), 2, "{asked:?}");
    }
}

#[test]
fn rows_of_a_slow_harbor_wait_for_two_seconds_at_most_so_that_the_next_listing_goes_on_from_there() {
    let (harbor, store) = (twenty_projects(), MemoryStore::default());
    let expected = whole(&harbor);
    harbor.request_takes.set(Duration::from_secs(5));
    let mut listings = 0;
    loop {
        // Of 40 pages; a question comes after about three repositories.
        harbor.answers_left.set(Some(20));
        let collected = kept(&harbor, &store);
        listings += 1;
        if collected.errors.is_empty() {
            assert_eq!(collected.rows, expected);
            break;
        }
        assert!(listings < 6, "{:?}", collected.errors);
    }
    assert!(listings > 2);
}

#[test]
fn a_refresh_shares_its_questions_too() {
    let (harbor, store) = (twenty_projects(), MemoryStore::default());
    assert_same(&harbor, &store);
    (0..20).for_each(|number| harbor.push(&format!("p{number}/r0")));
    let asked = assert_same(&harbor, &store);
    // One of them asks what is to be read.
    assert_eq!((pages(&asked), questions(&asked)), (40, 1 + 2), "{asked:?}");
}

#[test]
fn tags_that_move_among_rows_that_wait_for_the_same_question_are_in_the_listing() {
    for keeps in [false, true] {
        let (harbor, store) = (twenty_projects(), MemoryStore::default());
        harbor.push("p2/single");
        after_each_page(
            &harbor,
            (0..12_usize).map(|number| -> Meanwhile {
                Box::new(move |harbor| {
                    harbor.wait(1);
                    harbor.move_latest(&format!("p{}/r0", number / 2), 3);
                })
            }),
        );
        let collected = match keeps {
            true => kept(&harbor, &store),
            false => listed_with(&harbor, &NoStore, None, None),
        };
        harbor.after_each.replace(None);
        assert_eq!((collected.rows, collected.errors), (whole(&harbor), vec![]));
        if keeps {
            assert_eq!(assert_same(&harbor, &store).len(), 3, "the rows are kept with the marks that they have");
        }
    }
}

#[test]
fn where_the_list_of_all_changed_repositories_is_longer_each_project_is_asked_for_its_own() {
    let harbor = twenty_projects();
    (0..2_000).for_each(|number| harbor.push(&format!("busy/r{number}")));
    let asked = assert_same(&harbor, &MemoryStore::default());
    let of_all = asked.iter().filter(|path| path.starts_with("/repositories?") && path.contains("update_time"));
    // The first question, about ten projects, reads its twenty pages.
    assert_eq!((of_all.count(), questions(&asked)), (20, 20 + 10));
}

#[test]
fn where_the_list_of_all_changed_repositories_is_refused_each_project_is_asked_for_its_own() {
    let harbor = twenty_projects();
    let expected = whole(&harbor);
    let of_each = "/repositories?page=1&page_size=100&sort=repository_id";
    *harbor.fails.borrow_mut() = Some(of_each.to_owned());
    let collected = listed_with(&harbor, &NoStore, None, None);
    assert!(collected.errors.iter().all(|(_, message)| message.starts_with("project p")), "{:?}", collected.errors);
    assert_eq!((collected.rows.len(), collected.errors.len()), (expected.len(), 20));
    *harbor.fails.borrow_mut() = Some(format!("^{of_each}"));
    harbor.take_asked();
    let collected = listed_with(&harbor, &NoStore, None, None);
    assert_eq!((collected.rows, collected.errors), (expected, vec![]));
    assert_eq!(questions(&harbor.take_asked()), 1 + 20);
}

#[test]
fn what_is_validated_last_leaves_when_the_time_is_up() {
    let harbor = twenty_projects();
    let expected = whole(&harbor);
    for answers in 3..50 {
        harbor.answers_left.set(Some(answers));
        let collected = listed_with(&harbor, &NoStore, None, None);
        let errors = collected.errors.len();
        assert_eq!(errors, usize::from(collected.rows.len() < expected.len() || answers < 45), "{answers}");
        assert!(collected.rows.iter().all(|row| expected.contains(row)));
    }
}
