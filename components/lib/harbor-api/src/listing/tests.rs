//! The plan against a Harbor in memory: order, paging, shifts, fallbacks and the cost of each failure.

mod fake_harbor;

use super::*;
use crate::api::Reply;
use crate::error::Error;
use fake_harbor::{FakeHarbor, Fault};
use futures::executor::block_on;
use image_model::types::SourceError;
use serde_json::json;
use std::cell::Cell;

#[derive(Default)]
struct Collected {
    rows: Vec<String>,
    errors: Vec<(Option<String>, String)>,
}

impl Sink for Collected {
    async fn rows(&mut self, rows: Vec<HarborRepository>) -> bool {
        for HarborRepository { project, name, images } in rows {
            self.rows.extend(images.into_iter().map(|image| format!("{project}/{name}:{}", image.tag)));
        }
        true
    }

    fn failed(&mut self, error: SourceError) {
        self.errors.push((error.repository, error.message));
    }
}

fn listed(fake: &FakeHarbor, page_size: usize, buffered_rows: usize, project: Option<&str>) -> Collected {
    let mut collected = Collected::default();
    let limits = Limits { page_size, concurrency: 3, buffered_rows };
    block_on(run(fake, limits, project, &mut collected));
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
fn a_project_is_one_list_where_harbor_has_such_lists() {
    let (new, old) = (sample(NEW), sample(OLD));
    listed(&new, 100, 5_000, None);
    listed(&old, 100, 5_000, None);
    assert_eq!((new.count("/repositories"), new.asked.borrow().len()), (0, 5));
    assert_eq!(old.count("/repositories"), 3 + 4);
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
    assert!(matches!(&collected.errors[..], [(Some(name), message)] if name == "a/x/y" && message.contains("500")));
}

#[test]
fn a_failing_project_costs_its_own_rows() {
    for (version, path) in [(NEW, "/projects/a/artifacts"), (OLD, "/projects/a/repositories")] {
        let mut fake = sample(version);
        fake.faults.insert(path.into(), (Fault::Status(500), 1));
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!(collected.rows, ["a-b/app:1", "b/app:1"]);
        assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("project a: ")));
    }
}

#[test]
fn a_project_whose_list_of_artifacts_is_hidden_is_listed_by_repository() {
    let mut fake = sample(NEW);
    fake.faults.insert("/projects/a/artifacts".into(), (Fault::Status(404), 1));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (SAMPLE.map(str::to_owned).to_vec(), vec![]));
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
    for path in ["/projects/a/repositories", "/projects/b/repositories", "/projects/a-b/repositories"] {
        fake.faults.insert(path.into(), (Fault::Unresponsive, 1));
    }
    let errors = listed(&fake, 100, 5_000, None).errors;
    let expected = "Harbor stopped answering; missing: 3 projects";
    assert_eq!(errors, [(None, expected.to_owned())]);
}

/// The rows and the one failure of a listing that runs out of time at each of these paths and pages.
fn out_of_time(
    version: Option<&'static str>,
    page_size: usize,
    buffered_rows: usize,
    places: &[(&str, u64)],
) -> (Collected, String) {
    let mut fake = sample(version);
    for (path, page) in places {
        fake.faults.insert((*path).to_owned(), (Fault::Deadline, *page));
    }
    let collected = listed(&fake, page_size, buffered_rows, None);
    let [(None, message)] = &collected.errors[..] else { panic!("not one failure: {:?}", collected.errors) };
    let message = message.clone();
    assert!(message.contains("had not ended within 7 s") && message.contains("harbor-listing-timeout"), "{message}");
    (collected, message)
}

#[test]
fn a_listing_out_of_time_gives_the_rows_that_arrived_and_counts_the_missing_ones() {
    let (_, message) = out_of_time(NEW, 100, 5_000, &[("/systeminfo", 1)]);
    assert!(message.ends_with("projects that were not counted yet"), "{message}");
    let (_, message) = out_of_time(NEW, 1, 5_000, &[("/projects", 3)]);
    assert!(message.ends_with(": 1 project"), "{message}");
    let (collected, message) =
        out_of_time(NEW, 1, 5_000, &[("/projects/a/artifacts", 3), ("/projects/b/artifacts", 1)]);
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a-b/app:1"], "the rows that arrived are there");
    assert!(message.ends_with(": 1 project, 1 artifact"), "{message}");
    let places = [("/projects/a/repositories/x%252Fy/artifacts", 2), ("/projects/b/repositories/app/artifacts", 1)];
    let (collected, message) = out_of_time(OLD, 1, 5_000, &places);
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a-b/app:1"]);
    assert!(message.ends_with(": 1 repository, 1 artifact"), "{message}");
    let (_, message) = out_of_time(OLD, 1, 0, &places);
    assert!(message.ends_with(": 1 repository, 1 artifact"), "{message}");
}

#[test]
fn empty_repositories_are_not_requested() {
    let fake = sample(OLD);
    fake.lists.borrow_mut().get_mut("/projects/b/repositories").unwrap()[0]["artifact_count"] = json!(0);
    listed(&fake, 100, 5_000, None);
    assert_eq!(fake.count("/projects/b/repositories/app"), 0);
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
    let collected = listed(&fake, 2, 5_000, Some("a"));
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a/x/y:old"]);
    assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("evil.example")));
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

impl Api for Repeating {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        self.asked.set(self.asked.get() + 1);
        let body = if path.starts_with("/systeminfo") {
            json!({"harbor_version": "v2.8.0"})
        } else if path.contains("/artifacts") {
            json!([{"digest": "sha256:1", "tags": [{"name": "t"}]}])
        } else {
            json!([{"name": "p/app"}])
        };
        Ok(Reply { body: body.to_string().into(), total: self.total, ..Reply::default() })
    }
    fn url(&self, path: &str) -> String {
        path.to_owned()
    }
    fn go_anonymous(&self) {}
    fn is_own(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn a_listing_of_a_server_that_repeats_one_page_ends() {
    for (total, failures) in [(None, 0), (Some(3), 0), (Some(4_000), 2), (Some(u64::MAX), 2)] {
        let mut collected = Collected::default();
        let limits = Limits { page_size: 1, concurrency: 3, buffered_rows: 5_000 };
        let api = Repeating { total, asked: Cell::new(0) };
        block_on(run(&api, limits, Some("p"), &mut collected));
        assert_eq!(collected.rows, ["p/app:t"], "{total:?}");
        assert_eq!(collected.errors.len(), failures, "{total:?}: {:?}", collected.errors);
        assert!(collected.errors.iter().all(|(_, message)| message.contains("repeats itself")));
        assert!(api.asked.get() < 500, "{total:?}: {} requests", api.asked.get());
    }
}
