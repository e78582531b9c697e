//! Kept rows that are young enough: given without a request to Harbor.

use super::kept::HOUR;
use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use image_model::types::ListingBegin;

/// What a caller gets who takes rows of this age.
#[derive(Default)]
struct Got {
    begin: Option<ListingBegin>,
    rows: Vec<String>,
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
        panic!("{failure:?}");
    }
}

fn young(harbor: &MarkingHarbor, store: &MemoryStore, max_age: u64, has: Option<u64>) -> (ListingEnd, Got, usize) {
    let mut got = Got { has, ..Got::default() };
    let limits = limits(Detail::All);
    harbor.take_asked();
    let end = block_on(run(harbor, store, limits, Some(HOUR), None, max_age, &mut got));
    let asked = harbor.take_asked().len();
    (end, got, asked)
}

#[test]
fn rows_that_are_young_enough_cost_harbor_nothing() {
    let (harbor, store) = (MarkingHarbor::filled(2, 5, 2), MemoryStore::default());
    let (first, whole, _) = young(&harbor, &store, 60, None);
    assert_eq!((whole.begin, whole.rows.len()), (None, 10));
    store.age.set(60);
    let (end, got, asked) = young(&harbor, &store, 60, None);
    assert_eq!((end.method, asked), (Some(Method::Kept), 0));
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
