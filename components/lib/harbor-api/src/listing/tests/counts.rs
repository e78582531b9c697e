//! Lists that contradict what Harbor counted or what the request asked for: no row is wrong, and none is lost without an error.

use super::kept::{HOUR, assert_same, listed_once, listed_with, whole};
use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use serde_json::Value;

fn alter(fake: &FakeHarbor, path: &str, change: impl FnOnce(&mut Vec<Value>)) {
    change(fake.lists.borrow_mut().get_mut(path).unwrap());
}

const APP: &str = "/projects/p/repositories/app/artifacts";

#[test]
fn a_row_of_another_repository_is_a_failure_and_no_row() {
    for (version, path) in [(OLD, APP), (NEW, APP)] {
        let fake =
            FakeHarbor::with(version, false, &[("p/app", "sha256:1", 1, &["1"]), ("p/lib", "sha256:2", 2, &["2"])]);
        alter(&fake, path, |rows| rows[0]["repository_name"] = json!("q/app"));
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!(collected.rows, ["p/lib:2"]);
        assert_only_error(&collected, "p/app", &["q/app", "X-Is-Resource-Name"]);
    }
}

#[test]
fn a_list_of_a_project_with_rows_of_another_one_is_not_used() {
    let fake = sample(NEW).with_costs(0.1);
    alter(&fake, "/projects/a/artifacts", |rows| rows[0]["repository_name"] = json!("b/x/y"));
    let collected = listed(&fake, 1, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (SAMPLE.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn a_repository_whose_artifacts_harbor_counts_and_does_not_list_is_a_failure() {
    // As behind a proxy that decodes the slash in a nested name (goharbor/harbor#12131).
    let fake = sample(NEW);
    alter(&fake, "/projects/a/repositories/x%252Fy/artifacts", Vec::clear);
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(collected.rows, ["a-b/app:1", "b/app:1"]);
    assert_only_error(&collected, "a/x/y", &["counts 2 artifacts", "listed 0", "%252F"]);
    assert_eq!(fake.count("x%252Fy"), 2, "the list was read twice");
}

#[test]
fn a_repository_that_harbor_lists_thin_and_does_not_count_any_more_is_a_failure() {
    // As while Harbor's database is in trouble, when counts are left out (goharbor/harbor#13285).
    let mut fake = FakeHarbor::with(OLD, false, &[("p/app", "sha256:1", 1, &["1"])]);
    alter(&fake, APP, Vec::clear);
    fake.meanwhile = Some(Box::new(|fake, _, path| {
        if path == APP {
            alter(fake, "/projects/p/repositories", |rows| rows[0]["artifact_count"] = Value::Null);
        }
    }));
    let collected = listed(&fake, 100, 5_000, None);
    assert_only_error(&collected, "p/app", &["listed 0"]);
}

#[test]
fn a_repository_that_is_deleted_during_the_listing_is_no_failure() {
    let mut fake = sample(NEW);
    let deleted = Cell::new(false);
    fake.meanwhile = Some(Box::new(move |fake, _, path| {
        if path == "/repositories" && !deleted.replace(true) {
            // Harbor lists no artifacts of a repository that it does not have (goharbor/harbor#17443).
            alter(fake, "/projects/a/repositories/x%252Fy/artifacts", Vec::clear);
            alter(fake, "/projects/a/repositories", |rows| rows.retain(|row| row["name"] != "a/x/y"));
        }
    }));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (vec!["a-b/app:1".to_owned(), "b/app:1".to_owned()], vec![]));
}

#[test]
fn a_project_of_which_harbor_lists_fewer_repositories_than_it_counts_is_a_failure() {
    let fake = sample(NEW);
    fake.lists.borrow_mut().remove("/repositories");
    alter(&fake, "/projects/a/repositories", |rows| rows.retain(|row| row["name"] != "a/x/y"));
    let mut project = fake.lists.borrow()["/projects"].iter().find(|row| row["name"] == "a").unwrap().clone();
    fake.objects.borrow_mut().insert("/projects/a".to_owned(), project.clone());
    let collected = listed(&fake, 100, 5_000, None);
    assert!(
        matches!(&collected.errors[..], [(None, message)] if message.contains("project a: ")
        && message.contains("counts 2 repositories") && message.contains("listed 1")),
        "{:?}",
        collected.errors
    );
    // It has fewer now: one was deleted during the listing.
    project["repo_count"] = json!(1);
    fake.objects.borrow_mut().insert("/projects/a".to_owned(), project);
    assert_eq!(listed(&fake, 100, 5_000, None).errors, []);
}

/// 20 artifacts in one repository, of which pages lack some.
fn short(buffered_rows: usize, lacks: impl Fn(&Value) -> bool + 'static) -> Collected {
    let mut fake = long(OLD);
    fake.lacks = Some(Box::new(lacks));
    listed(&fake, 5, buffered_rows, None)
}

#[test]
fn a_list_is_read_on_over_short_and_empty_pages_and_what_is_missing_is_told() {
    // As Harbor 2.5, which takes signatures out of a page after it cut the page.
    for buffered_rows in [0, 5_000] {
        let second_page =
            |row: &Value| ["t10", "t11", "t12", "t13", "t14"].iter().any(|tag| row["tags"][0]["name"] == *tag);
        let collected = short(buffered_rows, second_page);
        assert_eq!(collected.rows.len(), 15, "{buffered_rows}");
        assert!(
            matches!(&collected.errors[..], [(Some(_), message)] if message.contains("announces 20 rows")
            && message.contains("gave 15")),
            "{:?}",
            collected.errors
        );
    }
}

#[test]
fn rows_that_come_twice_while_others_come_not_at_all_are_found_in_a_steady_order() {
    // goharbor/harbor#14433: rows that are equal in the order of the list change places between pages.
    let mut fake = long(OLD);
    let swapped = Cell::new(0);
    fake.meanwhile = Some(Box::new(move |fake, _, path| {
        if path == APP && swapped.replace(swapped.get() + 1) == 0 {
            alter(fake, APP, |rows| rows.swap(4, 5));
        }
    }));
    let collected = listed(&fake, 5, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (expected(0..20), vec![]));
    assert!(fake.count("sort=-id") > 0);
}

#[test]
fn a_page_without_any_tag_is_read_again() {
    // goharbor/harbor#13285: Harbor leaves tags out while its database is in trouble.
    let mut fake = long(OLD);
    fake.bare_pages = Cell::new(1);
    let collected = listed(&fake, 5, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (expected(0..20), vec![]));
    // A repository without tags has no row, and costs one more request.
    fake = FakeHarbor::with(OLD, false, &[("p/app", "sha256:1", 1, &[])]);
    let collected = listed(&fake, 5, 5_000, None);
    assert_eq!((collected.rows.len(), collected.errors.len(), fake.count(APP)), (0, 0, 2));
}

#[test]
fn null_is_an_empty_list() {
    let fake = FakeHarbor::with(OLD, false, &[("p/app", "sha256:1", 1, &["1"])]);
    fake.nulls.set(true);
    fake.lists.borrow_mut().insert("/projects/q/repositories".to_owned(), Vec::new());
    alter(&fake, "/projects", |rows| rows.push(json!({"name": "q"})));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (vec!["p/app:1".to_owned()], vec![]));
}

#[test]
fn a_long_repository_of_which_harbor_lists_fewer_artifacts_than_it_counts_is_a_failure() {
    for without_total in [false, true] {
        let mut fake = long(OLD);
        fake.without_total = without_total;
        alter(&fake, APP, |rows| drop(rows.drain(3..6)));
        let collected = listed(&fake, 5, 10, None);
        assert_eq!(collected.rows.len(), 17);
        assert_only_error(&collected, "p/app", &["counts 20 artifacts", "listed 17"]);
        // It has fewer now: they were deleted during the listing.
        fake.meanwhile = Some(Box::new(|fake, _, path| {
            if path == APP {
                fake.count_all();
            }
        }));
        assert_eq!(listed(&fake, 5, 10, None).errors, []);
    }
}

#[test]
fn repositories_that_harbor_names_and_does_not_count_are_listed() {
    for counted in [0, 1] {
        let (harbor, store) = (MarkingHarbor::filled(3, 5, 2), MemoryStore::default());
        let expected = whole(&harbor);
        harbor.miscounted.borrow_mut().insert("p1".to_owned(), counted);
        let listed = |interval| listed_with(&harbor, &store, interval, None);
        // All is read; then what changed; then, when that is due, all again.
        for (age, interval) in [(0, None), (0, Some(HOUR)), (1, Some(HOUR)), (7200, Some(HOUR))] {
            store.age.set(age);
            let collected = listed(interval);
            assert_eq!((collected.rows, collected.errors), (expected.clone(), vec![]), "{counted}, {age} s");
        }
        harbor.take_asked();
        listed(None);
        let of_projects = harbor.take_asked().into_iter().filter(|path| path.contains("/repositories?page="));
        assert_eq!(of_projects.collect::<Vec<_>>().len(), 1 + 1, "the list of all, and that of the project");
    }
}

#[test]
fn an_older_harbor_that_lists_more_repositories_than_it_counts_is_believed_in_the_list() {
    for version in [OLD, NEW] {
        let fake = sample(version);
        alter(&fake, "/projects", |rows| {
            rows.iter_mut().filter(|row| row["name"] == "b").for_each(|row| row["repo_count"] = json!(0));
        });
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!((collected.rows, collected.errors), (SAMPLE.map(str::to_owned).to_vec(), vec![]));
        // The list of the project itself may be the one that lacks something.
        alter(&fake, "/projects/b/repositories", Vec::clear);
        assert_eq!(listed(&fake, 100, 5_000, None).rows, SAMPLE);
    }
}

#[test]
fn a_project_that_became_empty_costs_one_more_request() {
    let (harbor, store) = listed_once(3, 2);
    harbor.delete("p1/r0");
    harbor.delete("p1/r1");
    // The login, the projects, what changed, all repositories, and those of the project.
    assert_eq!(assert_same(&harbor, &store).len(), 3 + 1 + 1);
    assert_eq!(assert_same(&harbor, &store).len(), 3);
}
