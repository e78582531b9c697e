//! The plan against a Harbor in memory: order, paging, shifts, fallbacks and the cost of each failure.

mod counts;
mod end;
mod fake_harbor;
mod found;
mod gone;
mod kept;
mod kept_doubts;
mod kept_storm;
mod marking_harbor;
mod memory_store;
mod moving;
mod passing;
mod rights;
mod shifting;
mod young;

use super::*;
use crate::api::Reply;
use crate::error::CancelReason;
use crate::error::Error;
use crate::in_memory::InMemory;
use crate::store::NoStore;
use fake_harbor::{FakeHarbor, Fault};
use futures::executor::block_on;
use image_model::types::{Detail, Failure, Repository};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::time::Duration;

#[derive(Default)]
struct Collected {
    rows: Vec<String>,
    errors: Vec<(Option<String>, String)>,
}

/// Asserts that one failure was told, of this repository, and that it says all of this.
#[track_caller]
fn assert_only_error(Collected { errors, .. }: &Collected, name: &str, parts: &[&str]) {
    let [(Some(found), message)] = &errors[..] else { panic!("not one failure of a repository: {errors:?}") };
    assert_eq!(found, name, "{errors:?}");
    parts.iter().for_each(|part| assert!(message.contains(part), "{part} is not in {errors:?}"));
}

impl Sink for Collected {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        for Repository { project, name, artifacts } in rows {
            let tags = artifacts.into_iter().flat_map(|artifact| artifact.tags);
            self.rows.extend(tags.map(|tag| format!("{project}/{name}:{tag}")));
        }
        true
    }

    fn failed(&mut self, failure: Failure) {
        self.errors.push((failure.repository, failure.message));
    }
}

/// The limits of these listings.
fn limits(detail: Detail) -> Limits {
    Limits {
        page_size: 100,
        concurrency: 3,
        buffered_rows: 5_000,
        buffered_bytes: MAX_LIST_BYTES,
        believes_totals: true,
        detail,
        changed_since: None,
    }
}

fn listed(fake: &FakeHarbor, page_size: usize, buffered_rows: usize, project: Option<&str>) -> Collected {
    let mut collected = Collected::default();
    let limits = Limits { page_size, buffered_rows, ..limits(Detail::Tags) };
    block_on(run(fake, &NoStore, limits, None, project, 0, &mut collected));
    collected
}

const NEW: Option<&str> = Some("v2.12.0-9da38ae0");
const OLD: Option<&str> = Some("v2.8.3");

fn sample(version: Option<&'static str>) -> FakeHarbor {
    FakeHarbor::with(
        version,
        version == NEW,
        &[
            ("b/app", "sha256:1", 1, &["1"]),
            ("a/x/y", "sha256:2", 2, &["old"]),
            ("a/x/y", "sha256:3", 3, &["new", "latest"]),
            ("a/untagged", "sha256:4", 4, &[]),
            ("a-b/app", "sha256:5", 5, &["1"]),
        ],
    )
}

const SAMPLE: [&str; 5] = ["a/x/y:latest", "a/x/y:new", "a/x/y:old", "a-b/app:1", "b/app:1"];

#[test]
fn rows_and_their_order_are_the_same_for_all_versions_page_sizes_and_buffers() {
    for version in [NEW, OLD] {
        for page_size in [1, 2, 100] {
            for buffered_rows in [0, 1, 5_000] {
                let collected = listed(&sample(version), page_size, buffered_rows, None);
                assert_eq!(collected.rows, SAMPLE, "{version:?}, pages of {page_size}, {buffered_rows} buffered");
                assert_eq!(collected.errors, []);
            }
        }
    }
}

#[test]
fn the_repositories_of_all_projects_are_one_list_where_it_is_whole() {
    let fake = sample(NEW);
    assert_eq!(listed(&fake, 100, 5_000, None).rows, SAMPLE);
    // One of the four repositories is read twice, as none of its artifacts has a tag.
    assert_eq!((fake.count("/projects/"), fake.count("/artifacts?"), fake.count("/repositories?")), (5, 5, 1));
    // As before Harbor 2.16, where robots see the repositories of public projects only.
    let fake = sample(NEW);
    fake.lists.borrow_mut().get_mut("/repositories").unwrap().truncate(1);
    assert_eq!(listed(&fake, 100, 5_000, None).rows, SAMPLE);
    assert_eq!((fake.count("/repositories?page=1&page_size=100"), fake.count("/artifacts")), (4, 5));
}

#[test]
fn the_cheaper_road_to_a_project_is_taken_and_gives_the_same_rows() {
    let long = || {
        let fake = FakeHarbor::with(NEW, true, &[]);
        for n in 0..30 {
            fake.push(&format!("p/r{:02}", n % 10), &format!("sha256:{n:02}"), n, &[&format!("t{n:02}")]);
        }
        fake
    };
    let (dear, cheap) = (long().with_costs(100.0), long().with_costs(1.0));
    let (by_repository, by_project) = (listed(&dear, 100, 5_000, None), listed(&cheap, 100, 5_000, None));
    assert_eq!((dear.count("/repositories/"), dear.count("/projects/p/artifacts")), (10, 0));
    assert_eq!((cheap.count("/repositories/"), cheap.count("/projects/p/artifacts")), (0, 1));
    assert_eq!(by_repository.rows.len(), 30);
    assert_eq!((by_project.rows, by_project.errors), (by_repository.rows, by_repository.errors));
}

#[test]
fn what_a_page_costs_is_measured_where_it_matters_and_remembered() {
    for (project_page, by_project) in [(7, true), (500, false)] {
        let mut fake = FakeHarbor::with(NEW, true, &[]);
        for n in 0..20 {
            fake.push(&format!("p/r{n:02}"), &format!("sha256:{n:02}"), n, &["t"]);
            fake.times.insert(format!("/projects/p/repositories/r{n:02}/artifacts"), Duration::from_millis(5));
        }
        fake.times.insert("/projects/p/artifacts".to_owned(), Duration::from_millis(project_page));
        assert_eq!(listed(&fake, 100, 5_000, None).rows.len(), 20);
        let expected = if by_project { (2, 1) } else { (20, 1) };
        assert_eq!((fake.count("/repositories/"), fake.count("/projects/p/artifacts")), expected, "{project_page} ms");
        assert!(fake.experience.get().costs.is_some());
        fake.asked.borrow_mut().clear();
        assert_eq!(listed(&fake, 100, 5_000, None).rows.len(), 20);
        let expected = if by_project { (0, 1) } else { (20, 0) };
        assert_eq!((fake.count("/repositories/"), fake.count("/projects/p/artifacts")), expected, "the second listing");
    }
}

#[test]
fn where_the_list_of_a_project_is_cheaper_at_any_cost_of_the_others_they_are_not_measured() {
    for (project_page, measured) in [(11, 0), (60, 2)] {
        let mut fake = FakeHarbor::with(NEW, true, &[]);
        for n in 0..20 {
            fake.push(&format!("p/r{n:02}"), &format!("sha256:{n:02}"), n, &["t"]);
        }
        for path in ["/systeminfo", "/projects", "/projects/p/repositories"] {
            fake.times.insert(path.to_owned(), Duration::from_millis(5));
        }
        for n in 0..20 {
            fake.times.insert(format!("/projects/p/repositories/r{n:02}/artifacts"), Duration::from_millis(6));
        }
        fake.times.insert("/projects/p/artifacts".to_owned(), Duration::from_millis(project_page));
        assert_eq!(listed(&fake, 100, 5_000, None).rows.len(), 20);
        let asked = (fake.count("/repositories/"), fake.count("/projects/p/artifacts"));
        assert_eq!(asked, (measured, 1), "{project_page} ms");
    }
}

#[test]
fn empty_projects_and_repositories_are_not_asked_for() {
    let fake = sample(OLD);
    fake.lists.borrow_mut().insert("/projects/b/repositories/app/artifacts".to_owned(), Vec::new());
    fake.lists.borrow_mut().get_mut("/projects").unwrap().push(json!({"name": "empty", "repo_count": 0}));
    fake.count_all_but("empty");
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows.len(), collected.errors), (4, vec![]));
    assert_eq!((fake.count("/projects/b/repositories/app"), fake.count("/empty")), (0, 0));
}

#[test]
fn one_project_is_listed_without_asking_for_the_others() {
    let fake = sample(NEW);
    let collected = listed(&fake, 100, 5_000, Some("b"));
    assert_eq!(collected.rows, ["b/app:1"]);
    assert_eq!(fake.count("/projects?"), 0);
}

#[test]
fn a_name_of_dots_is_a_failure_and_no_path_to_other_parts_of_the_api() {
    for (name, repository) in [("../x", None), ("a/..", Some("a/..")), ("a/.", Some("a/."))] {
        let fake = FakeHarbor::with(OLD, false, &[("b/app", "sha256:1", 1, &["1"]), (name, "sha256:2", 2, &["2"])]);
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!(collected.rows, ["b/app:1"]);
        assert!(matches!(&collected.errors[..], [(named, message)] if named.as_deref() == repository
            && message.contains("no request can contain")));
        assert!(!fake.asked.borrow().iter().any(|path| path.contains("/./") || path.contains("/../")));
    }
}

#[test]
fn an_unknown_project_is_one_failure() {
    for version in [NEW, OLD] {
        let collected = listed(&sample(version), 100, 5_000, Some("nowhere"));
        assert_eq!(collected.errors.len(), 1);
        assert!(collected.errors[0].1.contains("nowhere") && collected.errors[0].1.contains("404"));
    }
}

#[test]
fn a_refused_login_is_a_failure_beside_the_public_rows() {
    let fake = sample(None);
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(collected.rows, SAMPLE);
    assert!(fake.anonymous.get(), "Harbor pauses at each wrong password");
    assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("refused the login")));
}

#[test]
fn a_failing_repository_costs_its_own_rows() {
    let mut fake = sample(OLD);
    fake.faults.insert("/projects/a/repositories/x%252Fy/artifacts".into(), (Fault::Status(500), 2));
    let collected = listed(&fake, 1, 5_000, None);
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a-b/app:1", "b/app:1"], "the rows before it stay");
    assert_only_error(&collected, "a/x/y", &["500"]);
}

#[test]
fn a_failing_project_costs_its_own_rows() {
    let mut fake = sample(OLD);
    fake.lists.borrow_mut().remove("/repositories");
    fake.faults.insert("/projects/a/repositories".into(), (Fault::Status(503), 1));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(collected.rows, ["a-b/app:1", "b/app:1"]);
    assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("project a: ")));
}

#[test]
fn a_project_whose_list_of_artifacts_fails_is_read_by_repository() {
    for status in [404, 500, 503] {
        for page in [1, 2] {
            let mut fake = sample(NEW).with_costs(0.1);
            fake.faults.insert("/projects/a/artifacts".into(), (Fault::Status(status), page));
            let collected = listed(&fake, 2, 5_000, None);
            assert_eq!((collected.rows, collected.errors), (SAMPLE.map(str::to_owned).to_vec(), vec![]));
        }
    }
}

#[test]
fn a_failure_of_every_request_is_one_failure() {
    let mut fake = sample(NEW);
    fake.faults.insert("/systeminfo".into(), (Fault::Status(401), 1));
    assert!(matches!(&listed(&fake, 100, 5_000, None).errors[..], [(None, message)] if message.contains("401")));
}

#[test]
fn an_unknown_version_costs_no_rows() {
    let mut fake = sample(NEW);
    fake.faults.insert("/systeminfo".into(), (Fault::Status(500), 1));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(collected.rows, SAMPLE);
    assert_eq!(collected.errors.len(), 1);
}

#[test]
fn cancelled_requests_are_one_failure() {
    let mut fake = sample(OLD);
    fake.lists.borrow_mut().remove("/repositories");
    for path in ["/projects/a/repositories", "/projects/b/repositories", "/projects/a-b/repositories"] {
        fake.faults.insert(path.into(), (Fault::Unresponsive, 1));
    }
    let errors = listed(&fake, 100, 5_000, None).errors;
    let expected = "Harbor stopped answering; missing: 3 projects";
    assert_eq!(errors, [(None, expected.to_owned())]);
}

/// The rows and the one failure of a listing that runs out of time at the first request for one of these paths and pages.
fn out_of_time(
    mut fake: FakeHarbor,
    page_size: usize,
    buffered_rows: usize,
    places: &[(&str, u64)],
) -> (Vec<String>, String) {
    for (path, page) in places {
        fake.faults.insert((*path).to_owned(), (Fault::Deadline, *page));
    }
    let collected = listed(&fake, page_size, buffered_rows, None);
    let [(None, message)] = &collected.errors[..] else { panic!("not one failure: {:?}", collected.errors) };
    assert!(message.contains("had not ended within 7 s") && message.contains("harbor-listing-timeout"), "{message}");
    (collected.rows, message.clone())
}

#[test]
fn a_listing_out_of_time_gives_the_rows_that_arrived_and_counts_the_missing_ones() {
    let (_, message) = out_of_time(sample(NEW), 100, 5_000, &[("/systeminfo", 1)]);
    assert!(message.ends_with("projects that were not counted yet"), "{message}");
    let (_, message) = out_of_time(sample(NEW), 1, 5_000, &[("/projects", 3)]);
    assert!(message.ends_with("missing: 3 projects"), "{message}");
    let places = [("/projects/a/repositories/x%252Fy/artifacts", 2)];
    for buffered_rows in [0, 5_000] {
        let (rows, message) = out_of_time(sample(OLD), 1, buffered_rows, &places);
        assert_eq!(rows, ["a/x/y:latest", "a/x/y:new"], "{buffered_rows}");
        assert!(message.ends_with(": 2 repositories, 1 artifact"), "{message}");
    }
}

#[test]
fn a_project_out_of_time_gives_the_rows_that_arrived_and_counts_its_missing_artifacts() {
    let fake = FakeHarbor::with(NEW, true, &[]).with_costs(0.1);
    for n in 0..4 {
        fake.push(&format!("p/r{n}"), &format!("sha256:{n}"), n, &["t"]);
    }
    let (rows, message) = out_of_time(fake, 2, 5_000, &[("/projects/p/artifacts", 2)]);
    assert_eq!(rows, ["p/r2:t", "p/r3:t"]);
    assert!(message.ends_with(": 2 artifacts"), "{message}");
}

#[test]
fn pages_are_followed_without_a_total() {
    let mut fake = sample(OLD);
    fake.without_total = true;
    for page_size in [1, 2, 3, 100] {
        assert_eq!(listed(&fake, page_size, 5_000, None).rows, SAMPLE, "pages of {page_size}");
    }
}

#[test]
fn a_next_page_on_another_host_is_reported_and_not_followed() {
    let mut fake = sample(NEW);
    fake.foreign_link = true;
    let collected = listed(&fake, 1, 5_000, Some("a"));
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a/x/y:old"]);
    // In the list of repositories, and in that of the artifacts of one.
    assert!(
        matches!(&collected.errors[..], [(Some(name), one), (None, other)] if name == "a/x/y"
        && one.contains("evil.example") && other.contains("evil.example")),
        "{:?}",
        collected.errors
    );
    assert_eq!(fake.count("evil.example"), 0);
}

/// 20 artifacts in one repository, pages of 5.
fn long(version: Option<&'static str>) -> FakeHarbor {
    let fake = FakeHarbor::with(version, version == NEW, &[]);
    for n in 0..20 {
        fake.push("p/app", &format!("sha256:{n:02}"), n, &[&format!("t{n:02}")]);
    }
    fake
}

fn expected(tags: impl DoubleEndedIterator<Item = u32>) -> Vec<String> {
    tags.rev().map(|n| format!("p/app:t{n:02}")).collect()
}

#[test]
fn no_row_appears_twice_when_pushes_shift_pages() {
    for version in [NEW, OLD] {
        for buffered_rows in [0, 5_000] {
            let mut fake = long(version);
            let next = Cell::new(20);
            fake.meanwhile = Some(Box::new(move |fake, _, path| {
                if path.ends_with("/artifacts") && next.get() < 26 {
                    let n = next.replace(next.get() + 1);
                    fake.push("p/app", &format!("sha256:{n}"), n, &[&format!("t{n}")]);
                }
            }));
            let mut rows = listed(&fake, 5, buffered_rows, None).rows;
            let count = rows.len();
            rows.dedup();
            assert_eq!(rows.len(), count, "{version:?}, {buffered_rows} buffered");
            let there_throughout = expected(0..20);
            assert!(there_throughout.iter().all(|row| rows.contains(row)), "{version:?}: {rows:?}");
        }
    }
}

#[test]
fn no_row_is_missed_when_deletions_shift_pages() {
    for version in [NEW, OLD] {
        let mut fake = long(version);
        let deleted = Cell::new(false);
        fake.meanwhile = Some(Box::new(move |fake, _, path| {
            if path.ends_with("/artifacts") && !deleted.replace(true) {
                for (path, list) in fake.lists.borrow_mut().iter_mut() {
                    if path.ends_with("/artifacts") {
                        list.drain(..3);
                    }
                }
            }
        }));
        let rows = listed(&fake, 5, 5_000, None).rows;
        assert!(expected(0..17).iter().all(|row| rows.contains(row)), "{version:?}: {rows:?}");
    }
}

/// A Harbor that answers every page with the same row, and announces a total.
struct Repeating {
    total: Option<u64>,
    asked: Cell<usize>,
}

impl InMemory for Repeating {
    fn reply(&self, path: &str) -> Result<Reply, Error> {
        self.asked.set(self.asked.get() + 1);
        let body = if path.starts_with("/systeminfo") {
            json!({"harbor_version": "v2.8.0", "registry_url": "harbor.test"})
        } else if path.contains("/artifacts") {
            json!([{"digest": "sha256:1", "tags": [{"name": "t"}]}])
        } else {
            json!([{"name": "p/app"}])
        };
        Ok(Reply { body: body.to_string().into(), total: self.total, ..Reply::default() })
    }
}

#[test]
fn a_listing_of_a_server_that_repeats_one_page_ends() {
    for (total, failures) in [(None, 0), (Some(1), 0), (Some(3), 2), (Some(4_000), 2), (Some(u64::MAX), 2)] {
        let mut collected = Collected::default();
        let limits = Limits { page_size: 1, ..limits(Detail::Tags) };
        let api = Repeating { total, asked: Cell::new(0) };
        block_on(run(&api, &NoStore, limits, None, Some("p"), 0, &mut collected));
        assert_eq!(collected.rows, ["p/app:t"], "{total:?}");
        assert_eq!(collected.errors.len(), failures, "{total:?}: {:?}", collected.errors);
        let told =
            |message: &str| message.contains("repeats itself") || message.contains("announces 3 rows and gave 1");
        assert!(collected.errors.iter().all(|(_, message)| told(message)), "{:?}", collected.errors);
        assert!(api.asked.get() < 500, "{total:?}: {} requests", api.asked.get());
    }
}
