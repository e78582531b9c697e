//! The plan against a Harbor in memory: order, paging, shifts, fallbacks and what each failure costs.

use super::*;
use crate::api::{Ended, Reply};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// Something that happens after a request, from its number and path.
type Meanwhile = Box<dyn Fn(&Fake, usize, &str)>;

/// A Harbor in memory: lists by path, and what happens to some of them.
#[derive(Default)]
struct Fake {
    version: Option<&'static str>,
    lists: RefCell<BTreeMap<String, Vec<Value>>>,
    /// Status and page for paths that fail.
    failures: BTreeMap<String, (u16, u64)>,
    without_total: bool,
    link_elsewhere: bool,
    /// Runs after each request.
    meanwhile: Option<Meanwhile>,
    asked: RefCell<Vec<String>>,
    anonymous: Cell<bool>,
}

impl Fake {
    /// A Harbor with these artifacts: `project/repository`, digest, seconds of the push time, tags.
    fn with(version: Option<&'static str>, artifacts: &[(&str, &str, u64, &[&str])]) -> Self {
        let fake = Self { version, ..Self::default() };
        for (name, digest, seconds, tags) in artifacts {
            fake.push(name, digest, *seconds, tags);
        }
        fake
    }

    /// Adds an artifact to the top of its lists, and its project and repository where they are new.
    fn push(&self, name: &str, digest: &str, seconds: u64, tags: &[&str]) {
        let (project, repository) = name.split_once('/').unwrap();
        let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
        let artifact = json!({
            "digest": digest, "size": 5, "tags": tags, "repository_name": name,
            "push_time": format!("2025-01-01T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60),
        });
        let mut lists = self.lists.borrow_mut();
        let mut add = |path: String, value: Value| {
            let list = lists.entry(path).or_default();
            if !list.iter().any(|item| item["name"] == value["name"] && !value["name"].is_null()) {
                list.insert(0, value);
            }
        };
        add("/projects".into(), json!({"name": project}));
        add(format!("/projects/{project}/repositories"), json!({"name": name, "artifact_count": 1}));
        let twice = repository.replace('/', "%252F");
        add(format!("/projects/{project}/repositories/{twice}/artifacts"), artifact.clone());
        if self.version.is_some_and(|version| release(version) >= Some((2, 12))) {
            add(format!("/projects/{project}/artifacts"), artifact);
        }
    }

    fn count(&self, part: &str) -> usize {
        self.asked.borrow().iter().filter(|path| path.contains(part)).count()
    }
}

impl Api for Fake {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        self.asked.borrow_mut().push(path.clone());
        let number = self.asked.borrow().len();
        let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
                .and_then(|value| value.parse().ok())
        };
        let (page, size) = (parameter("page").unwrap_or(1), parameter("page_size").unwrap_or(10));
        let status = |status| Error {
            url: self.url(&path),
            kind: Kind::Status { status, said: String::new(), retry_after: None },
        };
        let reply = |body: Value| Reply {
            content_type: "application/json".into(),
            body: body.to_string().into(),
            ..Reply::default()
        };
        if let Some((code, from)) = self.failures.get(bare)
            && page >= *from
        {
            return Err(match code {
                0 => Error { url: self.url(&path), kind: Kind::Ended(Ended::NoAnswers) },
                1 => Error { url: self.url(&path), kind: Kind::Ended(Ended::NoTime(Duration::from_secs(7))) },
                code => status(*code),
            });
        }
        if bare == "/systeminfo" {
            let version = self.version.filter(|_| !self.anonymous.get());
            return Ok(reply(version.map_or_else(|| json!({}), |version| json!({"harbor_version": version}))));
        }
        let reply = {
            let lists = self.lists.borrow();
            let list = lists.get(bare).ok_or_else(|| status(404))?;
            let rows: Vec<Value> =
                list.iter().skip(((page - 1) * size) as usize).take(size as usize).cloned().collect();
            let next = page * size < list.len() as u64;
            let origin = if self.link_elsewhere { "https://evil.example" } else { "" };
            Reply {
                total: (!self.without_total).then_some(list.len() as u64),
                link: if next && !self.without_total {
                    format!("<{origin}/x?page={}>; rel=\"next\"", page + 1)
                } else {
                    String::new()
                },
                ..reply(Value::Array(rows))
            }
        };
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile(self, number, bare);
        }
        Ok(reply)
    }

    fn url(&self, path: &str) -> String {
        format!("https://harbor.test/api/v2.0{path}")
    }

    fn go_anonymous(&self) {
        self.anonymous.set(true);
    }

    fn is_own(&self, url: &str) -> bool {
        url.starts_with('/') || url.starts_with("https://harbor.test/")
    }
}

#[derive(Default)]
struct Collected {
    rows: Vec<String>,
    errors: Vec<(Option<String>, String)>,
}

impl Sink for Collected {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        for Repository { project, name, images } in rows {
            self.rows.extend(images.into_iter().map(|image| format!("{project}/{name}:{}", image.tag)));
        }
        true
    }

    fn failed(&mut self, error: SourceError) {
        self.errors.push((error.repository, error.message));
    }
}

fn listed(fake: &Fake, page_size: usize, held_rows: usize, project: Option<&str>) -> Collected {
    let mut collected = Collected::default();
    let limits = Limits { page_size, concurrency: 3, held_rows };
    block_on(Listing { api: fake, limits }.run(project, &mut collected));
    collected
}

const NEW: Option<&str> = Some("v2.12.0-9da38ae0");
const OLD: Option<&str> = Some("v2.8.3");

fn sample(version: Option<&'static str>) -> Fake {
    Fake::with(
        version,
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
fn rows_are_the_same_and_in_order_whichever_way_they_are_read() {
    for version in [NEW, OLD] {
        for page_size in [1, 2, 100] {
            for held_rows in [0, 1, 5_000] {
                let collected = listed(&sample(version), page_size, held_rows, None);
                assert_eq!(collected.rows, SAMPLE, "{version:?}, pages of {page_size}, {held_rows} held");
                assert_eq!(collected.errors, []);
            }
        }
    }
}

#[test]
fn whole_projects_are_listed_where_harbor_can() {
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
fn a_name_of_dots_is_a_failure_and_not_a_way_to_other_parts_of_the_api() {
    for (name, repository) in [("../x", None), ("a/..", Some("a/..")), ("a/.", Some("a/."))] {
        let fake = Fake::with(OLD, &[("b/app", "sha256:1", 1, &["1"]), (name, "sha256:2", 2, &["2"])]);
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!(collected.rows, ["b/app:1"]);
        assert!(matches!(&collected.errors[..], [(named, message)] if named.as_deref() == repository
            && message.contains("can't be asked for")));
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
    fake.failures.insert("/projects/a/repositories/x%252Fy/artifacts".into(), (500, 2));
    let collected = listed(&fake, 1, 5_000, None);
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a-b/app:1", "b/app:1"], "what came before it stays");
    assert!(matches!(&collected.errors[..], [(Some(name), message)] if name == "a/x/y" && message.contains("500")));
}

#[test]
fn a_failing_project_costs_its_own_rows() {
    for (version, path) in [(NEW, "/projects/a/artifacts"), (OLD, "/projects/a/repositories")] {
        let mut fake = sample(version);
        fake.failures.insert(path.into(), (500, 1));
        let collected = listed(&fake, 100, 5_000, None);
        assert_eq!(collected.rows, ["a-b/app:1", "b/app:1"]);
        assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("project a: ")));
    }
}

#[test]
fn a_hidden_project_list_of_artifacts_falls_back_to_repositories() {
    let mut fake = sample(NEW);
    fake.failures.insert("/projects/a/artifacts".into(), (404, 1));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!((collected.rows, collected.errors), (SAMPLE.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn a_failure_of_every_request_is_one_failure() {
    let mut fake = sample(NEW);
    fake.failures.insert("/systeminfo".into(), (401, 1));
    assert!(matches!(&listed(&fake, 100, 5_000, None).errors[..], [(None, message)] if message.contains("401")));
}

#[test]
fn a_version_that_can_not_be_read_costs_no_rows() {
    let mut fake = sample(NEW);
    fake.failures.insert("/systeminfo".into(), (500, 1));
    let collected = listed(&fake, 100, 5_000, None);
    assert_eq!(collected.rows, SAMPLE);
    assert_eq!(collected.errors.len(), 1);
}

#[test]
fn what_is_not_asked_any_more_is_one_failure() {
    let mut fake = sample(OLD);
    for path in ["/projects/a/repositories", "/projects/b/repositories", "/projects/a-b/repositories"] {
        fake.failures.insert(path.into(), (0, 1));
    }
    let errors = listed(&fake, 100, 5_000, None).errors;
    let told = "Harbor stopped answering; missing is what had not been read by then: 3 projects";
    assert_eq!(errors, [(None, told.to_owned())]);
}

/// The one failure of a listing whose time is over at each of these places.
fn out_of_time(
    version: Option<&'static str>,
    page_size: usize,
    held_rows: usize,
    places: &[(&str, u64)],
) -> (Collected, String) {
    let mut fake = sample(version);
    for (path, page) in places {
        fake.failures.insert((*path).to_owned(), (1, *page));
    }
    let collected = listed(&fake, page_size, held_rows, None);
    let [(None, message)] = &collected.errors[..] else { panic!("not one failure: {:?}", collected.errors) };
    let message = message.clone();
    assert!(message.contains("had not ended within 7 s") && message.contains("harbor-listing-timeout"), "{message}");
    (collected, message)
}

#[test]
fn a_listing_whose_time_is_over_gives_what_has_arrived_and_counts_what_is_missing() {
    let (_, message) = out_of_time(NEW, 100, 5_000, &[("/systeminfo", 1)]);
    assert!(message.ends_with("projects that were not counted yet"), "{message}");
    let (_, message) = out_of_time(NEW, 1, 5_000, &[("/projects", 3)]);
    assert!(message.ends_with(": 1 project"), "{message}");
    let (collected, message) =
        out_of_time(NEW, 1, 5_000, &[("/projects/a/artifacts", 3), ("/projects/b/artifacts", 1)]);
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a-b/app:1"], "what had arrived is there");
    assert!(message.ends_with(": 1 project, 1 artifact"), "{message}");
    let places = [("/projects/a/repositories/x%252Fy/artifacts", 2), ("/projects/b/repositories/app/artifacts", 1)];
    let (collected, message) = out_of_time(OLD, 1, 5_000, &places);
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a-b/app:1"]);
    assert!(message.ends_with(": 1 repository, 1 artifact"), "{message}");
    let (_, message) = out_of_time(OLD, 1, 0, &places);
    assert!(message.ends_with(": 1 repository, 1 artifact"), "{message}");
}

#[test]
fn empty_repositories_are_not_asked() {
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
    fake.link_elsewhere = true;
    let collected = listed(&fake, 2, 5_000, Some("a"));
    assert_eq!(collected.rows, ["a/x/y:latest", "a/x/y:new", "a/x/y:old"]);
    assert!(matches!(&collected.errors[..], [(None, message)] if message.contains("evil.example")));
    assert_eq!(fake.count("evil.example"), 0);
}

/// 20 artifacts in one repository, pages of 5.
fn long(version: Option<&'static str>) -> Fake {
    let fake = Fake::with(version, &[]);
    for n in 0..20 {
        fake.push("p/app", &format!("sha256:{n:02}"), n, &[&format!("t{n:02}")]);
    }
    fake
}

fn expected(tags: impl DoubleEndedIterator<Item = u32>) -> Vec<String> {
    tags.rev().map(|n| format!("p/app:t{n:02}")).collect()
}

#[test]
fn no_row_comes_twice_when_pushes_shift_pages() {
    for version in [NEW, OLD] {
        for held_rows in [0, 5_000] {
            let mut fake = long(version);
            let next = Cell::new(20);
            fake.meanwhile = Some(Box::new(move |fake, _, path| {
                if path.ends_with("/artifacts") && next.get() < 26 {
                    let n = next.replace(next.get() + 1);
                    fake.push("p/app", &format!("sha256:{n}"), n, &[&format!("t{n}")]);
                }
            }));
            let mut rows = listed(&fake, 5, held_rows, None).rows;
            let count = rows.len();
            rows.dedup();
            assert_eq!(rows.len(), count, "{version:?}, {held_rows} held");
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

/// A Harbor that gives one page of one row for every page, and tells of so many.
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
fn a_server_that_repeats_one_page_comes_to_an_end() {
    for (total, failures) in [(None, 0), (Some(3), 0), (Some(4_000), 2), (Some(u64::MAX), 2)] {
        let mut collected = Collected::default();
        let limits = Limits { page_size: 1, concurrency: 3, held_rows: 5_000 };
        let api = Repeating { total, asked: Cell::new(0) };
        block_on(Listing { api: &api, limits }.run(Some("p"), &mut collected));
        assert_eq!(collected.rows, ["p/app:t"], "{total:?}");
        assert_eq!(collected.errors.len(), failures, "{total:?}: {:?}", collected.errors);
        assert!(collected.errors.iter().all(|(_, message)| message.contains("repeats itself")));
        assert!(api.asked.get() < 500, "{total:?}: {} requests", api.asked.get());
    }
}

#[test]
fn releases_are_compared_as_numbers() {
    assert_eq!(release("v2.12.0-9da38ae0"), Some((2, 12)));
    assert_eq!(release("v2.9.4"), Some((2, 9)));
    assert_eq!(release("2.13-dev"), Some((2, 13)));
    assert_eq!(release("dev"), None);
    assert!(release("v2.9.4") < Some(PROJECT_ARTIFACTS_SINCE));
}
