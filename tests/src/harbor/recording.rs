//! Answers that real Harbors of three versions gave to the same requests, and a double that holds what those Harbors held.

use super::account::Role;
use super::artifacts::IMAGE;
use super::builder::HarborBuilder;
use super::contents::Contents;
use super::project::Project;
use super::recorded_rows::{ArtifactRow, ProjectRow, RepositoryRow};
use super::repository::Repository;
use super::stored::{Stored, Tag};
use super::timestamp::Timestamp;
use super::version::Version;
use crate::artifacts::fixture;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a Harbor answered.
pub struct Recording {
    version: Version,
    /// In the order of the requests.
    pub answers: Vec<Recorded>,
}

/// A request, and its answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    /// Who asked: `admin`, `robot_all`, `robot_team`, `wrong_password` or `nobody`.
    #[serde(rename = "as")]
    pub caller: String,
    /// Path and query below the API.
    pub request: String,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The status.
    pub status: u16,
    /// The headers of the answer that matter.
    pub response_headers: BTreeMap<String, String>,
    /// The body. Of some lists only the first rows were kept; then the last item is `{"…": "122 more"}`.
    pub body: Value,
}

impl Recording {
    /// What a Harbor of this version answered.
    ///
    /// # Errors
    ///
    /// When the fixture can't be read.
    pub fn of(version: Version) -> Result<Self> {
        let name = match version {
            Version::V2_8 => "harbor-2.8/answers.json",
            Version::V2_12 => "harbor-2.12/answers.json",
            Version::V2_16 => "harbor-2.16/answers.json",
        };
        let text = std::fs::read_to_string(fixture(name)).with_context(|| format!("reading {name}"))?;
        Ok(Self { version, answers: serde_json::from_str(&text).with_context(|| format!("reading {name}"))? })
    }

    /// Name and secret with which a double of [`harbor`](Self::harbor) knows who asked.
    pub fn login(caller: &str) -> Option<(&'static str, &'static str)> {
        match caller {
            "admin" => Some(("admin", "Harbor12345")),
            "robot_all" => Some(("robot$all", "secret")),
            "robot_team" => Some(("robot$team", "secret")),
            "wrong_password" => Some(("admin", "wrong")),
            _ => None,
        }
    }

    /// A double that holds what the recorded Harbor held. What the recording only counts is filled in, older than the rest.
    ///
    /// # Errors
    ///
    /// When a recorded row can't be read.
    pub fn harbor(&self) -> Result<HarborBuilder> {
        let mut contents = Contents::new(self.version);
        for row in self.rows("repo_count") {
            let row: ProjectRow = serde_json::from_value(row.clone())?;
            let mut project = Project::new(row.project_id, &row.name, row.creation_time);
            project.public = row.metadata.public == "true";
            project.registry = row.registry_id;
            contents.projects.insert(row.name, project);
        }
        for repository in self.repositories(&contents)?.into_values() {
            contents.take_ids(0, repository.id, 0, 0);
            contents.insert(repository);
        }
        contents.take_ids(1_000, 1_000, 1_000, 1_000);
        let harbor = HarborBuilder::of(contents).without_nginx();
        let roles = [
            ("admin", Role::Administrator),
            ("robot_all", Role::Robot),
            ("robot_team", Role::RobotOf(vec!["team".to_owned()])),
        ];
        Ok(roles.into_iter().fold(harbor, |harbor, (caller, role)| match Self::login(caller) {
            Some((name, secret)) => harbor.account(name, secret, role),
            None => harbor,
        }))
    }

    /// All rows, of lists or alone, that have this key.
    fn rows(&self, key: &str) -> impl Iterator<Item = &Value> {
        let bodies = self.answers.iter().map(|answer| &answer.body);
        let rows = bodies.flat_map(|body| body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice));
        rows.filter(move |row| row.get(key).is_some())
    }

    /// The repositories by id, with their artifacts.
    fn repositories(&self, contents: &Contents) -> Result<BTreeMap<u64, Repository>> {
        let artifacts = self.artifacts()?;
        let mut repositories = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for row in self.rows("artifact_count") {
            let row: RepositoryRow = serde_json::from_value(row.clone())?;
            let mut repository = Repository::new(row.id, &row.name, row.project_id, row.creation_time);
            (repository.updated, repository.pulls) = (row.update_time, row.pull_count);
            repositories.insert(row.id, repository);
            counts.insert(row.id, row.artifact_count);
        }
        for row in artifacts.values() {
            let named = row.repository_name.as_ref().map(|name| (row.repository_id, name));
            if let Some((id, name)) = named {
                let made = || Repository::new(id, name, row.project_id, row.push_time);
                repositories.entry(id).or_insert_with(made);
            }
        }
        self.add_counted_repositories(contents, &mut repositories);
        let children: BTreeSet<u64> =
            artifacts.values().flat_map(|row| row.children().map(|child| child.child_id)).collect();
        for row in artifacts.values() {
            let Some(repository) = repositories.get_mut(&row.repository_id) else { continue };
            if children.contains(&row.id) {
                repository.keep_child(row.stored());
            } else {
                repository.keep(row.stored());
            }
        }
        for repository in repositories.values_mut() {
            let count = counts.get(&repository.id).copied().unwrap_or(1);
            add_counted_artifacts(repository, count);
        }
        self.add_to_counted_lists(contents, &mut repositories);
        repositories.values_mut().for_each(Repository::sort);
        Ok(repositories)
    }

    /// The artifacts by id, with the tags and accessories that some answers have and others do not.
    fn artifacts(&self) -> Result<BTreeMap<u64, ArtifactRow>> {
        let mut artifacts = BTreeMap::<u64, ArtifactRow>::new();
        for row in self.rows("media_type") {
            let mut row: ArtifactRow = serde_json::from_value(row.clone())?;
            if let Some(known) = artifacts.remove(&row.id) {
                row.tags = row.tags.or(known.tags);
                row.accessories = row.accessories.or(known.accessories);
            }
            artifacts.insert(row.id, row);
        }
        Ok(artifacts)
    }

    /// Projects tell how many repositories they have. Those that no answer has get the ids that are left.
    fn add_counted_repositories(&self, contents: &Contents, repositories: &mut BTreeMap<u64, Repository>) {
        let mut ids = 1..;
        for row in self.rows("repo_count") {
            let (name, id) = (row["name"].as_str().unwrap_or_default(), row["project_id"].as_u64().unwrap_or_default());
            let known = repositories.values().filter(|repository| repository.project == id).count();
            let missing = row["repo_count"].as_u64().unwrap_or_default().saturating_sub(known as u64);
            let created = contents.projects.get(name).map_or(Timestamp::NEVER, |project| project.created);
            for _ in 0..missing {
                let Some(free) = ids.find(|id| !repositories.contains_key(id)) else { return };
                repositories.insert(free, Repository::new(free, &format!("{name}/unrecorded-{free}"), id, created));
            }
        }
    }

    /// Totals of projects' lists tell how many artifacts there are. Those that no answer has go to an unrecorded repository.
    fn add_to_counted_lists(&self, contents: &Contents, repositories: &mut BTreeMap<u64, Repository>) {
        for project in contents.projects.values() {
            let path = format!("/projects/{}/artifacts?page_size=5&page=1", project.name);
            let list = self.answers.iter().find(|answer| answer.request == path);
            let total = list.and_then(|answer| answer.response_headers.get("X-Total-Count")?.parse::<usize>().ok());
            let own = || repositories.values().filter(|repository| repository.project == project.id);
            let missing = total.unwrap_or(0).saturating_sub(own().map(Repository::count).sum());
            let unrecorded = own().find(|repository| repository.name.contains("/unrecorded-")).map(|own| own.id);
            if let Some(repository) = unrecorded.and_then(|id| repositories.get_mut(&id)) {
                add_counted_artifacts(repository, repository.count() + missing);
            }
        }
    }
}

/// Adds artifacts that are older than the recorded ones until there are so many.
fn add_counted_artifacts(repository: &mut Repository, count: usize) {
    for number in repository.count()..count {
        let id = 10_000 + number as u64;
        let time = Timestamp::BEGIN_OF_2025;
        let tag = Tag { id, name: format!("unrecorded-{number}"), pushed: time, pulled: Timestamp::NEVER };
        repository.keep(Stored {
            id,
            digest: format!("sha256:{:064x}", 10_000 + number),
            size: 1000,
            media_type: IMAGE.to_owned(),
            architecture: "amd64".to_owned(),
            pushed: time,
            pulled: Timestamp::NEVER,
            tags: vec![tag],
            references: Vec::new(),
            accessories: Vec::new(),
        });
    }
}
