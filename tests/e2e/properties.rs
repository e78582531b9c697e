//! What holds for any inventory, and for any list that changes while it is read.

use harbor_api::api::{Experience, Reply};
use harbor_api::config::Config;
use harbor_api::error::{Error, ErrorKind};
use harbor_api::in_memory::{self, InMemory};
use harbor_api::listing::{self, Costs, Sink};
use harbor_api::store::NoStore;
use image_model::listing::{ErrorRow, HarborRow, Listing};
use image_model::types::{Artifact, Failure, FailureCode, Image, Repository};
use image_model::{NONE, crictl, id, node, size};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

/// Names as they are, and as nobody would choose them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}(/[a-z]{1,8}){0,2}", "[a-z]{1,5}:[0-9]{4}/[a-z]{1,5}", "\\PC{0,20}", Just(String::new())]
}

fn image() -> impl Strategy<Value = Image> {
    let hex = prop_oneof!["sha256:[0-9a-f]{64}", "[0-9a-f]{13}", "\\PC{0,20}"];
    let tag = (name(), "\\PC{0,10}").prop_map(|(repository, tag)| format!("{repository}:{tag}"));
    let digest = name().prop_map(|name| format!("{name}@sha256:{:064x}", 1));
    (hex, vec(tag, 0..4), vec(digest, 0..3), any::<u64>(), any::<bool>())
        .prop_map(|(id, repo_tags, repo_digests, size, pinned)| Image { id, repo_tags, repo_digests, size, pinned })
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

proptest! {
    #[test]
    fn any_inventory_comes_to_json_that_holds_the_same_rows(
        images in vec(image(), 0..20),
        registry in vec((name(), name(), name(), any::<u64>()), 0..20),
        error in "\\PC{1,40}",
        pretty in any::<bool>(),
    ) {
        let rows = node::rows(images.clone());
        let mut listing = Listing::new(pretty);
        listing.open("containerd_images");
        for row in &rows {
            listing.row(row);
        }
        listing.close();
        listing.open("harbor_images");
        for (project, repository, tag, bytes) in &registry {
            let artifact = Artifact { digest: "sha256:1".to_owned(), size: *bytes, ..Artifact::default() };
            listing.row(&HarborRow { project, repository, artifact: &artifact, tag });
        }
        listing.close();
        listing.open("errors");
        let failure = Failure::of_source(FailureCode::Other, error.clone());
        listing.row(&ErrorRow { source: "harbor", failure: &failure });
        listing.close();
        listing.end();
        let read: Value = serde_json::from_slice(&listing.take()).unwrap();
        let expected: Vec<Value> = rows.iter().map(|row| json!({
            "image_id": or_none(id::short(&row.id)),
            "repository": row.repository.as_deref().unwrap_or(NONE),
            "tag": row.tag.as_deref().unwrap_or(NONE),
            "size": size::human(row.size),
        })).collect();
        prop_assert_eq!(&read["containerd_images"], &json!(expected));
        let expected: Vec<Value> = registry.iter().map(|(project, repository, tag, bytes)| json!({
            "project": or_none(project), "repository": or_none(repository), "tag": or_none(tag), "digest": "sha256:1",
            "size": size::human(*bytes),
        })).collect();
        prop_assert_eq!(&read["harbor_images"], &json!(expected));
        prop_assert_eq!(&read["errors"], &json!([{"source": "harbor", "error": error}]));
    }

    #[test]
    fn what_is_written_as_crictls_json_reads_back_the_same(images in vec(image(), 0..20)) {
        prop_assert_eq!(crictl::parse(&crictl::to_json(&images)).unwrap(), images);
    }

    #[test]
    fn the_table_of_any_images_reads_back_as_their_rows(
        rows in vec(("[a-z]{1,8}(/[a-z]{1,8}){0,2}", "[a-z0-9.]{1,8}", "[0-9a-f]{13}", any::<u64>()), 0..20)
    ) {
        let mut table = "IMAGE   TAG   IMAGE ID   SIZE\n".to_owned();
        for (repository, tag, id, bytes) in &rows {
            table += &format!("{repository}   {tag}   {id}   {}\n", size::human(*bytes));
        }
        let images = crictl::parse(&table).unwrap();
        prop_assert_eq!(images.len(), rows.len());
        for (image, (repository, tag, id, bytes)) in images.iter().zip(&rows) {
            prop_assert_eq!(&image.repo_tags, &[format!("{repository}:{tag}")]);
            prop_assert_eq!(&image.id, id);
            prop_assert_eq!(size::human(image.size), size::human(*bytes));
        }
    }

    #[test]
    fn the_order_of_rows_does_not_depend_on_the_order_of_images(images in vec(image(), 0..20).prop_shuffle()) {
        let mut sorted = images.clone();
        sorted.sort_by(|one, other| (&one.id, &one.repo_tags).cmp(&(&other.id, &other.repo_tags)));
        prop_assert_eq!(node::rows(images), node::rows(sorted));
    }
}

/// A change of the list between two requests.
#[derive(Clone, Copy, Debug)]
enum Change {
    Push,
    /// Deletes the one at this place, or at the end.
    Delete(usize),
}

fn change(length: usize) -> impl Strategy<Value = Change> {
    prop_oneof![Just(Change::Push), (0..length).prop_map(Change::Delete)]
}

/// A Harbor with one repository, which changes after each request as it is told.
struct Shifting {
    /// The numbers of the artifacts, newest first.
    artifacts: RefCell<Vec<u64>>,
    changes: RefCell<Vec<Vec<Change>>>,
    next: Cell<u64>,
    deleted: RefCell<HashSet<u64>>,
    version: &'static str,
}

impl Shifting {
    fn new(count: u64, version: &'static str, changes: Vec<Vec<Change>>) -> Self {
        let artifacts = RefCell::new((0..count).rev().collect());
        Self { artifacts, changes: RefCell::new(changes), next: Cell::new(count), deleted: RefCell::default(), version }
    }

    fn change(&self) {
        for change in self.changes.borrow_mut().pop().unwrap_or_default() {
            let mut artifacts = self.artifacts.borrow_mut();
            match change {
                Change::Push => artifacts.insert(0, self.next.replace(self.next.get() + 1)),
                Change::Delete(place) if !artifacts.is_empty() => {
                    let place = place.min(artifacts.len() - 1);
                    self.deleted.borrow_mut().insert(artifacts.remove(place));
                }
                Change::Delete(_) => {}
            }
        }
    }
}

/// The repositories, in which the artifacts take turns.
const REPOSITORIES: [&str; 2] = ["p/app", "p/lib"];

impl InMemory for Shifting {
    fn experience(&self) -> Experience {
        // The list of the project is always the cheaper access path where it has fewer pages.
        Experience { costs: Some(Costs { project_page: 1.0, repository_page: 1.0 }), ..Experience::default() }
    }

    fn reply(&self, path: &str) -> Result<Reply, Error> {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let number = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<usize>().ok());
        let (page, size) = (number("page=").unwrap_or(1), number("page_size=").unwrap_or(10));
        let whole = bare == "/projects/p/artifacts" && self.version.starts_with("v2.12");
        let repository = REPOSITORIES
            .iter()
            .find(|name| bare == format!("/projects/p/repositories/{}/artifacts", name.trim_start_matches("p/")));
        let name_of = |number: &u64| REPOSITORIES[usize::from(number % 2 == 1)];
        let reply = if bare == "/systeminfo" {
            Reply {
                body: json!({"harbor_version": self.version, "registry_url": "h"}).to_string().into(),
                ..Reply::default()
            }
        } else if bare == "/projects/p/repositories" {
            let count = |name: &&str| self.artifacts.borrow().iter().filter(|number| name_of(number) == *name).count();
            let row = |name: &&str| json!({"name": name, "artifact_count": count(name)});
            let rows: Vec<Value> = REPOSITORIES.iter().skip((page - 1) * size).take(size).map(row).collect();
            Reply { body: json!(rows).to_string().into(), total: Some(2), ..Reply::default() }
        } else if whole || repository.is_some() {
            let artifacts = self.artifacts.borrow();
            let artifacts: Vec<u64> = artifacts
                .iter()
                .copied()
                .filter(|number| repository.is_none_or(|name| name_of(number) == *name))
                .collect();
            let row = |number: &u64| {
                json!({
                    "digest": format!("sha256:{number}"), "size": 1, "tags": [{"name": format!("t{number}")}],
                    "push_time": format!("2025-01-01T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60),
                    "repository_name": name_of(number),
                })
            };
            let rows: Vec<Value> = artifacts.iter().skip((page - 1) * size).take(size).map(row).collect();
            let total = Some(artifacts.len() as u64);
            Reply { body: json!(rows).to_string().into(), total, ..Reply::default() }
        } else {
            let kind = ErrorKind::Status { status: 404, excerpt: String::new(), absent: None, retry_after: None };
            return Err(Error { url: in_memory::url(path), kind });
        };
        self.change();
        Ok(reply)
    }
}

#[derive(Default)]
struct Collected {
    tags: Vec<String>,
    failures: Vec<Failure>,
}

impl Sink for Collected {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        let artifacts = rows.into_iter().flat_map(|repository| repository.artifacts);
        self.tags.extend(artifacts.flat_map(|artifact| artifact.tags));
        true
    }

    fn failed(&mut self, failure: Failure) {
        self.failures.push(failure);
    }
}

/// Asserts that a listing has no row twice, and, unless it says that it gave up, every row that was there throughout.
fn assert_steady(count: u64, version: &'static str, page_size: usize, changes: Vec<Vec<Change>>) {
    let settings = HashMap::from([
        ("harbor-url", "https://harbor.test".to_owned()),
        ("harbor-auth", "host".to_owned()),
        ("harbor-project", "p".to_owned()),
        ("harbor-page-size", page_size.to_string()),
        ("harbor-max-concurrency", "3".to_owned()),
    ]);
    let (api, mut collected) = (Shifting::new(count, version, changes), Collected::default());
    let config = Config::read(&settings).unwrap();
    futures::executor::block_on(listing::list(&api, &NoStore, &config, listing::Request::TAGS_NOW, &mut collected));
    let listed: HashSet<&String> = collected.tags.iter().collect();
    assert_eq!(listed.len(), collected.tags.len(), "a row came twice");
    if collected.failures.is_empty() {
        let deleted = api.deleted.borrow();
        for number in (0..count).filter(|number| !deleted.contains(number)) {
            assert!(listed.contains(&format!("t{number}")), "t{number} was there throughout and is not listed");
        }
    }
}

proptest! {
    #[test]
    fn no_row_comes_twice_or_is_lost_however_a_list_shifts(
        count in 0_u64..40,
        page_size in 1_usize..12,
        whole in any::<bool>(),
        changes in vec(vec(change(50), 0..4), 0..30),
    ) {
        assert_steady(count, if whole { "v2.12.0" } else { "v2.8.0" }, page_size, changes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn nor_in_a_repository_that_is_too_long_to_be_held(changes in vec(vec(change(10_200), 0..4), 0..60)) {
        assert_steady(10_200, "v2.8.0", 100, changes);
    }
}
