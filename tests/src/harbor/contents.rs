//! What Harbor holds: projects, repositories, artifacts and accounts.

use super::account::{Accounts, Role};
use super::artifacts::Artifacts;
use super::project::{Listed, Project, project_of};
use super::repository::Repository;
use super::timestamp::{Clock, Timestamp};
use super::version::{PASSWORD, USER, Version};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// When the projects were made that a test begins with.
const FOUNDED: Timestamp = Timestamp::BEGIN_OF_2025;
/// In this time before the start of the double, the repositories of a test's beginning changed last.
const SPREAD: Duration = Duration::from_secs(8 * 7 * 24 * 3600);
/// None of them changed in this time before the start.
const QUIET: Duration = Duration::from_secs(3600);

/// Projects, repositories and artifacts, and who may see them.
#[derive(Clone)]
pub(super) struct Contents {
    pub(super) version: Version,
    pub(super) accounts: Accounts,
    pub(super) clock: Clock,
    /// How people log in.
    pub(super) auth_mode: &'static str,
    pub(super) projects: BTreeMap<String, Project>,
    pub(super) repositories: BTreeMap<u64, Repository>,
    /// Ids of repositories by full name.
    names: BTreeMap<String, u64>,
    pub(super) last: LastIds,
}

/// The ids that were given last.
#[derive(Clone, Debug, Default)]
pub(super) struct LastIds {
    project: u64,
    repository: u64,
    pub(super) artifact: u64,
    pub(super) tag: u64,
}

impl Contents {
    pub(super) fn new(version: Version) -> Self {
        let mut accounts = Accounts::default();
        accounts.set(USER, PASSWORD, Role::Robot);
        Self {
            version,
            accounts,
            clock: Clock::default(),
            auth_mode: "db_auth",
            projects: BTreeMap::new(),
            repositories: BTreeMap::new(),
            names: BTreeMap::new(),
            last: LastIds::default(),
        }
    }

    /// The project of this name, which is made if need be.
    pub(super) fn project(&mut self, name: &str, created: Timestamp) -> &mut Project {
        let last = &mut self.last.project;
        self.projects.entry(name.to_owned()).or_insert_with(|| {
            *last += 1;
            Project::new(*last, name, created)
        })
    }

    /// The project of this name in a test's beginning.
    pub(super) fn founded(&mut self, name: &str) -> &mut Project {
        let created = FOUNDED.minus(Duration::from_secs(86_400));
        self.project(name, created)
    }

    /// Adds a repository to a test's beginning, or replaces what it holds.
    pub(super) fn add(&mut self, name: &str, artifacts: &Artifacts) {
        self.founded(project_of(name));
        let id = self.repository(name, FOUNDED).id;
        let ids = (&mut self.last.artifact, &mut self.last.tag);
        if let Some(repository) = self.repositories.get_mut(&id) {
            repository.fill(artifacts, ids);
        }
    }

    /// The repository of this name, which is made, with its project, if need be. Its project's list is made anew.
    pub(super) fn repository(&mut self, name: &str, created: Timestamp) -> &mut Repository {
        let project = self.project(project_of(name), created);
        project.newest.take();
        let project = project.id;
        let last = &mut self.last.repository;
        let id = *self.names.entry(name.to_owned()).or_insert_with(|| {
            *last += 1;
            *last
        });
        self.repositories.entry(id).or_insert_with(|| Repository::new(id, name, project, created))
    }

    /// Spreads the times of the repositories that a test begins with: each was made a moment after the one before, and changed
    /// last in the eight weeks before now, where its Harbor marks changes.
    pub(super) fn settle(&mut self) {
        let last = self.clock.now().minus(QUIET);
        let marks_changes = self.version.marks_changes();
        for repository in self.repositories.values_mut().filter(|repository| repository.updated == FOUNDED) {
            repository.created = FOUNDED.plus(Duration::from_millis(repository.id));
            // By the golden ratio: neighbours are far from each other, and no two are the same.
            let fraction = repository.id.wrapping_mul(2_654_435_769) % (1 << 32);
            let ago = SPREAD.mul_f64(fraction as f64 / f64::from(u32::MAX));
            repository.updated = if marks_changes { last.minus(ago) } else { repository.created };
        }
    }

    /// The repository of this name, to be changed. Its project's list is made anew.
    pub(super) fn existing(&mut self, name: &str) -> Option<&mut Repository> {
        let id = self.names.get(name)?;
        if let Some(project) = self.projects.get_mut(project_of(name)) {
            project.newest.take();
        }
        self.repositories.get_mut(id)
    }

    /// Forgets a repository.
    pub(super) fn remove(&mut self, name: &str) {
        self.existing(name);
        if let Some(id) = self.names.remove(name) {
            self.repositories.remove(&id);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(self.names.get(name)?)
    }

    pub(super) fn find_project(&self, id: u64) -> Option<&Project> {
        self.projects.values().find(|project| project.id == id)
    }

    /// The repositories of a project, by name.
    pub(super) fn repositories_of<'a>(&'a self, project: &'a str) -> impl Iterator<Item = &'a Repository> {
        let prefix = format!("{project}/");
        let names = self.names.range(prefix.clone()..).take_while(move |(name, _)| name.starts_with(&prefix));
        names.filter_map(|(_, id)| self.repositories.get(id))
    }

    /// The artifacts of a project, newest first.
    pub(super) fn newest_of(&self, project: &Project) -> Arc<Vec<Listed>> {
        let list = || {
            let listed = |repository: &Repository, newer: usize| {
                let place = repository.place(newer);
                Listed { age: repository.age(place), repository: repository.id, place }
            };
            let of = |repository| (0..Repository::count(repository)).map(move |newer| listed(repository, newer));
            let mut all: Vec<Listed> = self.repositories_of(&project.name).flat_map(of).collect();
            all.sort_by_key(|listed| Reverse(listed.age));
            Arc::new(all)
        };
        Arc::clone(project.newest.get_or_init(list))
    }

    /// All artifacts of this Harbor, by which the costs of its requests grow.
    pub(super) fn artifact_count(&self) -> usize {
        self.repositories.values().map(Repository::stored_count).sum()
    }

    /// Uses these ids and no lower ones from now on.
    pub(super) fn take_ids(&mut self, project: u64, repository: u64, artifact: u64, tag: u64) {
        let last = &mut self.last;
        last.project = last.project.max(project);
        last.repository = last.repository.max(repository);
        last.artifact = last.artifact.max(artifact);
        last.tag = last.tag.max(tag);
    }

    /// Puts a repository with an id of its own in its place.
    pub(super) fn insert(&mut self, repository: Repository) {
        self.names.insert(repository.name.clone(), repository.id);
        self.repositories.insert(repository.id, repository);
    }
}
