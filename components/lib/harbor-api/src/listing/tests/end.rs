//! What the end of a listing tells: how the rows were read, and of which projects they are all.

use super::kept::HOUR;
use super::marking_harbor::MarkingHarbor;
use super::memory_store::MemoryStore;
use super::*;
use image_model::types::{FailureCode, Project};

/// The end, and all artifacts by repository and digest.
fn end(
    api: &impl Api,
    store: &impl Store,
    interval: Option<Duration>,
    single: Option<&str>,
    detail: Detail,
) -> (ListingEnd, Vec<String>, Vec<Failure>) {
    #[derive(Default)]
    struct All(Vec<String>, Vec<Failure>);
    impl Sink for All {
        async fn rows(&mut self, rows: Vec<Repository>) -> bool {
            for Repository { project, name, artifacts } in rows {
                self.0.extend(artifacts.iter().map(|artifact| format!("{project}/{name}@{}", artifact.digest)));
            }
            true
        }

        fn failed(&mut self, failure: Failure) {
            self.1.push(failure);
        }
    }
    let mut all = All::default();
    let limits = limits(detail);
    let end = block_on(run(api, store, limits, interval, single, 0, &mut all));
    (end, all.0, all.1)
}

fn project(name: &str, complete: bool) -> Project {
    Project { name: name.to_owned(), proxy_cache: false, complete }
}

#[test]
fn a_listing_of_all_has_untagged_artifacts_and_names_the_projects() {
    let fake = sample(NEW);
    fake.lists.borrow_mut().get_mut("/projects").unwrap()[0]["registry_id"] = json!(1);
    let (end_of_all, rows, failures) = end(&fake, &NoStore, None, None, Detail::All);
    let untagged = "a/untagged@sha256:4";
    assert!(rows.iter().any(|row| row == untagged) && rows.len() == 5, "{rows:?}");
    assert_eq!(failures, []);
    let expected = [project("a", true), Project { proxy_cache: true, ..project("a-b", true) }, project("b", true)];
    assert_eq!(end_of_all.projects, expected);
    let registry = end_of_all.registry.unwrap();
    assert_eq!((registry.hosts, registry.login_counts), (vec!["harbor.test".to_owned()], true));
    let (end_of_tags, rows, _) = end(&fake, &NoStore, None, None, Detail::Tags);
    assert!(!rows.iter().any(|row| row == untagged));
    assert_eq!(end_of_tags.projects, []);
}

#[test]
fn a_failure_costs_the_completeness_of_its_project_only() {
    let mut fake = sample(OLD);
    fake.faults.insert("/projects/a/repositories/x%252Fy/artifacts".to_owned(), (Fault::Status(403), 1));
    let (end_of_listing, _, failures) = end(&fake, &NoStore, None, None, Detail::All);
    assert_eq!(end_of_listing.projects, [project("a", false), project("a-b", true), project("b", true)]);
    assert_eq!(failures[0].code, FailureCode::Denied);
    // Harbor lists fewer repositories than it counts.
    let fake = sample(OLD);
    fake.lists.borrow_mut().get_mut("/projects").unwrap().iter_mut().for_each(|row| {
        if row["name"] == "b" {
            row["repo_count"] = json!(2);
        }
    });
    fake.objects.borrow_mut().insert("/projects/b".to_owned(), json!({"name": "b", "repo_count": 2}));
    let (end_of_listing, _, failures) = end(&fake, &NoStore, None, None, Detail::All);
    assert_eq!(end_of_listing.projects, [project("a", true), project("a-b", true), project("b", false)]);
    assert_eq!(failures[0].code, FailureCode::Inconsistent);
    // The listing runs out of time before `b`.
    let mut fake = sample(OLD);
    fake.faults.insert("/projects/b/repositories/app/artifacts".to_owned(), (Fault::Deadline, 1));
    let (end_of_listing, _, failures) = end(&fake, &NoStore, None, None, Detail::All);
    assert_eq!(end_of_listing.projects.last(), Some(&project("b", false)));
    assert_eq!(failures.last().unwrap().code, FailureCode::TimedOut);
}

#[test]
fn a_login_that_does_not_count_proves_nothing() {
    let (end_of_listing, _, failures) = end(&sample(None), &NoStore, None, None, Detail::All);
    assert!(!end_of_listing.registry.unwrap().login_counts);
    assert!(end_of_listing.projects.iter().all(|project| !project.complete));
    assert_eq!(failures[0].code, FailureCode::Denied);
}

#[test]
fn one_project_is_complete_only_where_harbor_describes_it() {
    let fake = sample(NEW);
    let (end_of_listing, _, failures) = end(&fake, &NoStore, None, Some("b"), Detail::All);
    assert_eq!((end_of_listing.projects, failures), (vec![project("b", false)], vec![]));
    fake.objects.borrow_mut().insert("/projects/b".to_owned(), json!({"name": "b", "registry_id": null}));
    let (end_of_listing, ..) = end(&fake, &NoStore, None, Some("b"), Detail::All);
    assert_eq!(end_of_listing.projects, [project("b", true)]);
}

#[test]
fn the_end_says_how_the_rows_were_read_and_why() {
    let harbor = MarkingHarbor::filled(2, 5, 2);
    let method = |store: &MemoryStore, interval| end(&harbor, store, interval, None, Detail::Tags).0.method.unwrap();
    let store = MemoryStore::default();
    assert_eq!(method(&store, None), Method::Whole(WholeReason::Off));
    assert_eq!(method(&store, Some(HOUR)), Method::Whole(WholeReason::First));
    assert_eq!(method(&store, Some(HOUR)), Method::Changes);
    assert_eq!(method(&store, Some(Duration::ZERO)), Method::Whole(WholeReason::Due));
    let backup = harbor.contents.borrow().clone();
    harbor.push("p0/r1");
    assert_eq!(method(&store, Some(HOUR)), Method::Changes);
    *harbor.contents.borrow_mut() = backup;
    assert_eq!(method(&store, Some(HOUR)), Method::Whole(WholeReason::Distrusted));
    let (end_of_listing, ..) = end(&harbor, &NoStore, Some(HOUR), None, Detail::Tags);
    assert_eq!(end_of_listing.method, Some(Method::Whole(WholeReason::NoStore)));
    let (end_of_listing, ..) = end(&sample(OLD), &store, Some(HOUR), None, Detail::Tags);
    assert_eq!(end_of_listing.method, Some(Method::Whole(WholeReason::Unmarked)));
}

#[test]
fn kept_rows_have_all_fields_whatever_listing_kept_them() {
    let (harbor, store) = (MarkingHarbor::filled(1, 3, 2), MemoryStore::default());
    harbor.move_latest("p0/r1", 0);
    let (_, tags, _) = end(&harbor, &store, Some(HOUR), None, Detail::Tags);
    let (end_of_all, all, _) = end(&harbor, &store, Some(HOUR), None, Detail::All);
    assert_eq!((end_of_all.method, end_of_all.projects), (Some(Method::Changes), vec![project("p0", true)]));
    let (_, expected, _) = end(&harbor, &NoStore, None, None, Detail::All);
    assert_eq!(all, expected);
    assert!(tags.len() <= all.len());
}

#[test]
fn the_names_of_a_harbor_that_does_not_answer_are_those_that_it_told_before() {
    let (harbor, store) = (MarkingHarbor::filled(1, 1, 1), MemoryStore::default());
    let (first, ..) = end(&harbor, &store, Some(HOUR), None, Detail::All);
    let registry = first.registry.unwrap();
    assert!(registry.login_counts && !registry.hosts.is_empty(), "{registry:?}");
    let mut gone = sample(NEW);
    gone.faults.insert("/systeminfo".to_owned(), (Fault::Status(503), 1));
    let (end_of_listing, _, failures) = end(&gone, &store, Some(HOUR), None, Detail::All);
    let expected = types::Registry { version: None, hosts: registry.hosts, login_counts: false };
    assert_eq!(end_of_listing.registry, Some(expected));
    assert!(!failures.is_empty() && end_of_listing.projects.is_empty());
    let (end_of_listing, ..) = end(&gone, &NoStore, Some(HOUR), None, Detail::All);
    assert_eq!(end_of_listing.registry, None);
}
