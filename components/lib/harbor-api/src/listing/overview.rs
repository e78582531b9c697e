//! The first stage of a listing: the projects, their repositories, and how many artifacts Harbor counts in each. It is what the
//! listing plans with, and what it compares its rows with.

use super::endpoints;
use super::failures::{Failure, MissingCounts};
use super::named_project;
use crate::api::Api;
use crate::artifact::Time;
use crate::dedup::UniqueKey;
use crate::error::{Error, ErrorKind};
use crate::memory::{self, Footprint, MAX_NAME_BYTES, MAX_NAMES};
use crate::page::{Limits, parse_json};
use crate::paging::{self, Truncated, WholeList};
use crate::repository_name::RepositoryName;
use crate::scope::Named;
use crate::session::Session;
use futures::{StreamExt, stream};
use image_model::setting;
use image_model::types::{self, Detail, FailureCode};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A project as Harbor lists it.
#[derive(Clone, Deserialize)]
pub(super) struct Project {
    pub(super) name: String,
    /// How many repositories it has.
    #[serde(default)]
    pub(super) repo_count: Option<u64>,
    /// The registry of which it is a proxy cache.
    #[serde(default)]
    pub(super) registry_id: Option<i64>,
    /// Whether Harbor gave all of this, and not the operator the name alone.
    #[serde(skip, default = "described")]
    pub(super) is_described: bool,
}

fn described() -> bool {
    true
}

impl Project {
    /// The project as a listing tells it.
    pub(super) fn listed(&self, complete: bool) -> types::Project {
        types::Project { name: self.name.clone(), proxy_cache: self.is_proxy_cache(), complete }
    }

    /// Whether it is a proxy cache.
    fn is_proxy_cache(&self) -> bool {
        self.registry_id.is_some_and(|id| id > 0)
    }
}

impl UniqueKey for Project {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

impl Footprint for Project {
    fn bytes(&self) -> usize {
        size_of::<Self>() + memory::text(&self.name)
    }
}

impl Named for Project {
    fn full_name(&self) -> Option<&str> {
        None
    }
}

/// A repository as Harbor lists it.
#[derive(Deserialize)]
pub(super) struct Repository {
    /// With the project's name.
    pub(super) name: String,
    /// Its artifacts, tagged or not.
    #[serde(default)]
    pub(super) artifact_count: Option<i64>,
    /// When it changed last, or was pulled from; since Harbor 2.16.
    #[serde(default)]
    pub(super) update_time: Option<Time>,
}

impl Repository {
    /// The project in its name.
    pub(super) fn project(&self) -> &str {
        self.name.split_once('/').map_or("", |(project, _)| project)
    }
}

impl UniqueKey for Repository {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

impl Footprint for Repository {
    fn bytes(&self) -> usize {
        size_of::<Self>() + memory::text(&self.name)
    }
}

impl Named for Repository {
    fn full_name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// A repository, and what Harbor says of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RepositoryCount {
    pub(crate) name: RepositoryName,
    /// The artifacts that it has; `None` where Harbor does not say.
    pub(crate) artifacts: Option<u64>,
    /// When it changed last, or was pulled from.
    pub(crate) updated: Option<Time>,
}

impl RepositoryCount {
    pub(super) fn new(project: &str, row: &Repository) -> Self {
        Self {
            name: RepositoryName::new(project, &row.name),
            artifacts: row.artifact_count.and_then(|count| u64::try_from(count).ok()),
            updated: row.update_time.filter(|time| time.0.is_some()),
        }
    }
}

/// A project and its repositories, as far as they are known.
pub(super) struct ProjectOverview {
    pub(super) name: String,
    /// The repositories, in order; `None` where they have not been read yet.
    pub(super) repositories: Option<Vec<RepositoryCount>>,
    /// Why some of them are missing.
    pub(super) failure: Option<Failure>,
    /// The repositories that Harbor lists, where it counts more.
    pub(super) fewer_than_counted: Option<u64>,
    repo_count: Option<u64>,
    /// Repositories that the list of all has, where those are more than Harbor counts.
    uncounted: Vec<Repository>,
    /// Whether only the operator says that there is such a project.
    is_guessed: bool,
}

impl ProjectOverview {
    fn new(project: Project) -> Self {
        let Project { name, repo_count, is_described, .. } = project;
        let invalid = (!endpoints::is_valid_segment(&name)).then(|| endpoints::invalid_name("project", &name));
        let failure = invalid.map(|message| Failure::in_project(&name, FailureCode::Inconsistent, message));
        // An empty project is not asked for its repositories.
        let repositories = (failure.is_some() || repo_count == Some(0)).then(Vec::new);
        Self {
            name,
            repositories,
            failure,
            fewer_than_counted: None,
            repo_count,
            uncounted: Vec::new(),
            is_guessed: !is_described,
        }
    }

    /// Whether all repositories are known.
    pub(super) fn is_whole(&self) -> bool {
        self.repositories.is_some() && self.failure.is_none() && self.fewer_than_counted.is_none()
    }

    /// Whether the project was not asked for its repositories, as Harbor counts none.
    pub(super) fn is_counted_empty(&self) -> bool {
        self.repo_count == Some(0) && self.failure.is_none() && self.repositories.as_ref().is_some_and(Vec::is_empty)
    }

    /// An overview whose count is not believed, as Harbor named these repositories elsewhere: the project is asked for its own.
    fn doubting(mut self, named: Vec<Repository>) -> Self {
        if self.failure.is_none() {
            (self.repositories, self.uncounted) = (None, named);
        }
        self
    }

    /// An overview with these repositories.
    fn with(mut self, rows: Vec<Repository>) -> Self {
        let mut repositories: Vec<RepositoryCount> =
            rows.iter().map(|row| RepositoryCount::new(&self.name, row)).collect();
        repositories.sort();
        self.repositories = Some(repositories);
        self
    }
}

/// The project that the operator names, or all projects that the user sees, in order.
pub(super) async fn projects(api: &impl Api, limits: Limits, single: Option<&str>) -> (Vec<Project>, Option<Failure>) {
    if let Some(name) = single {
        let described = match limits.detail {
            Detail::Tags => None,
            Detail::All => {
                let reply = api.get(endpoints::project(name), |reply| parse_json::<Project>(&reply)).await;
                reply.ok().and_then(Result::ok).filter(|project| project.name == name)
            }
        };
        let named = || Project { name: name.to_owned(), repo_count: None, registry_id: None, is_described: false };
        return (vec![described.unwrap_or_else(named)], None);
    }
    let list = endpoints::projects();
    let (mut projects, truncated) = match paging::read_all::<Project>(api, &list, limits.of_names()).await {
        WholeList::Rows(projects, truncated) => (projects, truncated),
        WholeList::TooLong(projects) => (projects, Some(too_many(api, &list.path, "projects"))),
    };
    projects.sort_by(|one, other| one.name.cmp(&other.name));
    (projects, truncated.map(Failure::of_projects))
}

/// The repositories of all projects, each list of names with as few requests as there can be. `listed` are all repositories, where
/// they were read with the projects. Projects beyond the bound of names stay unread, and are read when it is their turn.
pub(super) async fn read(
    session: &Session<'_, impl Api>,
    limits: Limits,
    projects: Vec<Project>,
    listed: Option<Vec<Repository>>,
) -> Vec<ProjectOverview> {
    let mut overviews: Vec<ProjectOverview> = projects.into_iter().map(ProjectOverview::new).collect();
    let listed = match listed {
        Some(listed) => Some(listed),
        None => worthwhile_repositories(session, limits, &overviews).await,
    };
    if let Some(mut of_project) = listed.map(by_project) {
        overviews = overviews
            .into_iter()
            .map(|overview| match (of_project.remove(&overview.name), overview.repo_count) {
                (Some(rows), Some(count)) if count == rows.len() as u64 => overview.with(rows),
                (Some(rows), Some(count)) if count < rows.len() as u64 => overview.doubting(rows),
                _ => overview,
            })
            .collect();
    }
    let unread = overviews.iter().filter(|overview| overview.repositories.is_none()).count();
    if unread == 0 {
        return overviews;
    }
    let (mut done, mut names) = (Vec::with_capacity(overviews.len()), 0);
    let mut overviews = stream::iter(overviews)
        .map(|overview| async move {
            match overview.repositories {
                None => project(session, limits, overview).await,
                Some(_) => overview,
            }
        })
        .buffered(limits.concurrency);
    while let Some(mut overview) = overviews.next().await {
        names += overview.repositories.as_ref().map_or(0, Vec::len);
        if names > MAX_NAMES {
            overview.repositories = None;
            names = MAX_NAMES;
        }
        done.push(overview);
    }
    done
}

/// The list of all repositories. `None` where Harbor has no such list, or not the whole of it.
pub(super) async fn all_repositories(session: &Session<'_, impl Api>, limits: Limits) -> Option<Vec<Repository>> {
    match paging::read_all::<Repository>(session, &endpoints::all_repositories(), limits.of_names()).await {
        WholeList::Rows(rows, None) => Some(rows),
        WholeList::Rows(_, Some(_)) | WholeList::TooLong(_) => None,
    }
}

/// The same, if it has the repositories of these projects, and takes fewer requests than their own lists.
async fn worthwhile_repositories(
    session: &Session<'_, impl Api>,
    limits: Limits,
    overviews: &[ProjectOverview],
) -> Option<Vec<Repository>> {
    let unread = overviews.iter().filter(|overview| overview.repositories.is_none());
    let counts: Option<Vec<u64>> = unread.map(|overview| overview.repo_count).collect();
    let counts = counts.filter(|counts| counts.len() > 1)?;
    let expected = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if expected > limits.of_names().buffered_rows as u64 {
        return None;
    }
    let first = endpoints::all_repositories().page(limits.of_names(), 1);
    let (total, _) = session.get_early(first).await.ok()?;
    // Before Harbor 2.16, robots see the repositories of public projects only. Where there are more than Harbor counts, one of its
    // counts is wrong, and the list says which.
    if total.is_none_or(|total| total < expected || total > limits.of_names().buffered_rows as u64) {
        return None;
    }
    all_repositories(session, limits).await
}

fn by_project(rows: Vec<Repository>) -> BTreeMap<String, Vec<Repository>> {
    let mut of_project: BTreeMap<String, Vec<Repository>> = BTreeMap::new();
    for row in rows {
        match of_project.get_mut(row.project()) {
            Some(rows) => rows.push(row),
            None => drop(of_project.insert(row.project().to_owned(), vec![row])),
        }
    }
    of_project
}

/// Reads the repositories of one project.
pub(super) async fn project(api: &impl Api, limits: Limits, mut overview: ProjectOverview) -> ProjectOverview {
    let list = endpoints::repositories(&overview.name);
    let uncounted = std::mem::take(&mut overview.uncounted);
    let counted = overview.repo_count.unwrap_or_default().max(uncounted.len() as u64);
    let mut list_again = true;
    loop {
        let (mut rows, truncated) = match paging::read_all::<Repository>(api, &list, limits.of_names()).await {
            WholeList::Rows(rows, truncated) => (rows, truncated),
            WholeList::TooLong(rows) => (rows, Some(too_many(api, &list.path, "repositories"))),
        };
        let listed = rows.len() as u64;
        if truncated.is_none() && listed < counted && std::mem::take(&mut list_again) {
            continue;
        }
        // What either list names is asked for its artifacts, and they decide.
        let known: BTreeSet<String> = rows.iter().map(|row| row.name.clone()).collect();
        rows.extend(uncounted.into_iter().filter(|row| !known.contains(&row.name)));
        let listed = rows.len() as u64;
        let count = |repositories| MissingCounts { repositories, ..MissingCounts::default() };
        let fewer = (truncated.is_none() && listed < counted).then_some(listed);
        let failure = match truncated {
            Some(truncated) => {
                let is_absent = matches!(truncated.error.status(), Some(401 | 403 | 404));
                let failure = Failure::of_project(&overview.name, truncated, count);
                match overview.is_guessed && is_absent {
                    true => Some(failure.with_advice(&named_project::advice(api, limits).await)),
                    false => Some(failure),
                }
            }
            None => None,
        };
        return ProjectOverview { failure, fewer_than_counted: fewer, ..overview.with(rows) };
    }
}

/// How many repositories these projects have.
pub(super) fn count(overviews: &[ProjectOverview]) -> u64 {
    overviews.iter().map(|overview| overview.repositories.as_ref().map_or(0, Vec::len) as u64).sum()
}

/// The failure of a list with more names than a listing may hold.
pub(super) fn too_many(api: &impl Api, path: &str, what: &str) -> Truncated {
    let (limit, setting) = (MAX_NAME_BYTES >> 20, setting::here("harbor-project"));
    let kind = ErrorKind::TooLarge(format!(
        "Harbor lists more than {MAX_NAMES} {what}, or more than {limit} MiB of their names, which is the most that a \
         listing can hold; name one project ({setting}), or give the user access to fewer"
    ));
    Truncated { error: Error { url: api.url(path), kind }, missing: None }
}
