//! Kept rows that are young enough: given without a request to Harbor.

use super::kept::HOUR;
use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use crate::store::StoreError;
use image_model::types::ListingBegin;

/// What a caller gets who takes rows of this age.
#[derive(Default)]
struct Got {
    begin: Option<ListingBegin>,
    rows: Vec<String>,
    failures: Vec<String>,
    /// The revision whose rows the caller has already.
    has: Option<u64>,
}

impl Sink for Got {
    async fn begin(&mut self, begin: ListingBegin) -> bool {
        assert!(self.rows.is_empty() && self.begin.is_none(), "it comes first, and once");
        self.begin = Some(begin);
        begin.revision != self.has
    }

    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        let name = |row: &Repository| format!("{}/{} {}", row.project, row.name, row.artifacts.len());
        self.rows.extend(rows.iter().map(name));
        true
    }

    fn failed(&mut self, failure: Failure) {
        self.failures.push(failure.message);
    }
}

fn listed(
    harbor: &MarkingHarbor,
    store: &MemoryStore,
    interval: Option<Duration>,
    max_age: u64,
    got: &mut Got,
) -> ListingEnd {
    harbor.take_asked();
    block_on(run(harbor, store, limits(Detail::All), interval, None, max_age, got))
}

#[test]
fn where_no_refresh_is_possible_rows_serve_those_who_take_their_age_all_the_same() {
    // An older Harbor; and an operator who wants whole listings only.
    for (version, interval, reason) in
        [("v2.12.4-abc", Some(HOUR), WholeReason::Unmarked), ("v2.16.0-abc", None, WholeReason::Off)]
    {
        let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
        harbor.version.set(version);
        let list = |max_age| {
            let mut got = Got::default();
            let end = listed(&harbor, &store, interval, max_age, &mut got);
            assert_eq!(got.failures, Vec::<String>::new());
            (end.method.unwrap(), got.rows, harbor.take_asked().len())
        };
        let (method, first, asked) = list(60);
        assert!(method == Method::Whole(reason) && asked > 0, "{method:?}");
        assert_eq!(list(60), (Method::Kept, first, 0));
        harbor.delete("p0/r1");
        // Whoever takes no age gets what Harbor has now, and keeps nothing.
        let commits = store.commits.get();
        let (method, rows, asked) = list(0);
        assert_eq!((method, rows.len(), store.commits.get()), (Method::Whole(reason), 9, commits));
        assert!(asked > 0);
        store.age.set(61);
        let (method, rows, _) = list(60);
        assert_eq!((method, rows.len()), (Method::Whole(reason), 9));
        store.age.set(0);
        assert_eq!(list(60).1.len(), 9);
        assert_eq!(store.entries.borrow().len(), 10, "nine repositories and the overview");
    }
}

fn young(harbor: &MarkingHarbor, store: &MemoryStore, max_age: u64, has: Option<u64>) -> (ListingEnd, Got, usize) {
    let mut got = Got { has, ..Got::default() };
    let end = listed(harbor, store, Some(HOUR), max_age, &mut got);
    let asked = harbor.take_asked().len();
    (end, got, asked)
}

#[test]
fn a_store_that_has_no_room_to_note_that_harbor_was_asked_costs_no_whole_listing() {
    let (harbor, store) = (MarkingHarbor::filled(2, 20, 2), MemoryStore::default());
    let (_, first, _) = young(&harbor, &store, 60, None);
    *store.refuses.borrow_mut() = Some(StoreError::Failed("there is no room".to_owned()));
    for _ in 0..3 {
        store.age.set(61);
        let (end, got, asked) = young(&harbor, &store, 60, None);
        assert_eq!((end.method, asked), (Some(Method::Changes), 3));
        assert_eq!((&got.rows, got.failures), (&first.rows, Vec::new()));
    }
    *store.refuses.borrow_mut() = None;
    young(&harbor, &store, 60, None);
    assert_eq!(young(&harbor, &store, 60, None).2, 0, "then it is noted");
}

#[test]
fn rows_that_the_host_lost_are_an_error_and_the_next_listing_reads_them() {
    let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
    let (_, whole, _) = young(&harbor, &store, 60, None);
    let key = store.entries.borrow().keys().nth(3).unwrap().clone();
    store.entries.borrow_mut().remove(&key);
    let (_, got, asked) = young(&harbor, &store, 60, None);
    assert_eq!((got.rows.len(), got.failures.len(), asked), (9, 1, 0));
    assert!(got.failures[0].contains("1 of 10 repositories"), "{:?}", got.failures);
    let (_, again, _) = young(&harbor, &store, 0, None);
    assert_eq!((again.rows, again.failures), (whole.rows, Vec::new()));
}

#[test]
fn rows_of_a_store_that_is_emptied_or_fails_after_its_head_was_read_are_an_error() {
    let harbor = MarkingHarbor::filled(2, 5, 2);
    let meanwhile: [fn(&MemoryStore); 2] = [
        // Its file was set aside.
        |store| store.become_like(&MemoryStore::default()),
        |store| store.fails_to_read.set(true),
    ];
    for change in meanwhile {
        let store = MemoryStore::default();
        young(&harbor, &store, 60, None);
        *store.before_versions.borrow_mut() = Some(Box::new(change));
        let (end, got, _) = young(&harbor, &store, 60, None);
        assert_eq!((got.rows.len(), got.failures.len()), (0, 1));
        assert!(got.failures[0].contains("10 of 10 repositories"), "{:?}", got.failures);
        assert!(end.projects.iter().all(|project| !project.complete));
    }
}

#[test]
fn rows_that_a_whole_listing_under_way_has_removed_are_an_error_until_it_ends() {
    let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
    young(&harbor, &store, 60, None);
    let begun = store.copy();
    // It does not come to its end.
    harbor.delete("p0/r1");
    begun.commits_left.set(Some(1));
    harbor.wait(4000);
    begun.age.set(4000);
    young(&harbor, &begun, 0, None);
    *store.before_versions.borrow_mut() = Some(Box::new(move |store| store.become_like(&begun)));
    let (_, got, _) = young(&harbor, &store, 60, None);
    assert_eq!((got.rows.len(), got.failures.len()), (9, 1), "{:?}", got.failures);
}

#[test]
fn rows_that_another_listing_removes_meanwhile_are_not_lost() {
    let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
    young(&harbor, &store, 60, None);
    let later = store.copy();
    harbor.delete("p0/r1");
    young(&harbor, &later, 0, None);
    *store.before_versions.borrow_mut() = Some(Box::new(move |store| store.become_like(&later)));
    let (_, got, _) = young(&harbor, &store, 60, None);
    assert_eq!((got.rows.len(), got.failures), (9, Vec::new()));
}

#[test]
fn rows_that_are_young_enough_cost_harbor_nothing() {
    let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
    let (first, whole, _) = young(&harbor, &store, 60, None);
    assert_eq!((whole.begin, whole.rows.len()), (None, 10));
    store.age.set(60);
    let (end, got, asked) = young(&harbor, &store, 60, None);
    assert_eq!((end.method, asked), (Some(Method::Kept), 0));
    assert!(got.failures.is_empty(), "{:?}", got.failures);
    assert_eq!((end.projects, end.registry), (first.projects, first.registry));
    assert_eq!((got.rows, got.begin.unwrap().age), (whole.rows, 60));
}

#[test]
fn older_rows_are_refreshed_and_keep_their_revision_where_nothing_changed() {
    let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
    young(&harbor, &store, 60, None);
    let (_, kept, _) = young(&harbor, &store, 60, None);
    let (commits, revision) = (store.commits.get(), kept.begin.unwrap().revision);
    harbor.wait(3600);
    store.age.set(61);
    let (end, got, asked) = young(&harbor, &store, 60, None);
    assert_eq!((end.method, asked), (Some(Method::Changes), 3));
    assert_eq!((got.begin, store.commits.get()), (Some(ListingBegin { revision, age: 0 }), commits + 1));
    store.age.set(0);
    let (_, got, asked) = young(&harbor, &store, 60, revision);
    assert_eq!((got.rows.len(), asked), (0, 0), "whoever has the rows gets none");
    harbor.push("p0/r1");
    store.age.set(61);
    let (_, got, _) = young(&harbor, &store, 60, revision);
    assert_ne!(got.begin.unwrap().revision, revision);
    assert_eq!(got.rows.len(), 10);
}

#[test]
fn a_caller_who_takes_no_kept_rows_asks_harbor_and_changes_no_age() {
    let (harbor, store) = (MarkingHarbor::filled(1, 5, 2), MemoryStore::default());
    young(&harbor, &store, 0, None);
    let commits = store.commits.get();
    let (end, _, asked) = young(&harbor, &store, 0, None);
    assert_eq!((end.method, asked, store.commits.get()), (Some(Method::Changes), 3, commits));
}

#[test]
fn rows_are_not_given_so_where_a_whole_listing_is_due_or_the_last_one_did_not_end() {
    let (harbor, store) = (MarkingHarbor::filled(1, 5, 2), MemoryStore::default());
    young(&harbor, &store, 60, None);
    harbor.wait(4000);
    store.age.set(4000);
    let (end, _, _) = young(&harbor, &store, 7200, None);
    assert_eq!(end.method, Some(Method::Whole(WholeReason::Due)));
    let (harbor, store) = (MarkingHarbor::filled(1, 5, 2), MemoryStore::default());
    store.commits_left.set(Some(1));
    young(&harbor, &store, 60, None);
    store.commits_left.set(None);
    let (end, _, asked) = young(&harbor, &store, 60, None);
    assert!(end.method != Some(Method::Kept) && asked > 0, "{:?}", end.method);
}

#[test]
fn another_description_of_the_registry_is_another_revision() {
    let (harbor, store) = (MarkingHarbor::filled(1, 5, 2), MemoryStore::default());
    young(&harbor, &store, 60, None);
    let revision = young(&harbor, &store, 60, None).1.begin.unwrap().revision;
    harbor.push("new/r0");
    store.age.set(61);
    let (end, got, _) = young(&harbor, &store, 60, None);
    assert_eq!(end.projects.len(), 2);
    assert_ne!(got.begin.unwrap().revision, revision);
    store.age.set(0);
    assert_eq!(young(&harbor, &store, 60, None).0.projects, end.projects);
}
