//! The second stage of a listing: how the artifacts of a project are read, and what its own list of artifacts gave.

use super::access_path::AccessPaths;
use super::changed::{Changed, State};
use super::endpoints;
use super::failures::{Failure, MissingCounts};
use super::overview::{self, ProjectOverview, RepositoryCount};
use super::repository::ReadRepository;
use crate::api::Api;
use crate::artifact::ListedArtifact;
use crate::page::Limits;
use crate::paging::{self, Truncated, WholeList};
use crate::repository_name::RepositoryName;
use crate::rows::{by_repository, rows};
use image_model::types::Repository;
use std::collections::BTreeMap;

/// What is missing where only a proof is.
const NOTHING: MissingCounts = MissingCounts { projects: 0, repositories: 0, artifacts: 0, uncounted: false, kept: 0 };

/// One step of the last stage.
pub(super) enum Step {
    /// Passes on repositories that need no request: they are empty, or came with their project.
    Read(Vec<ReadRepository>),
    /// Passes on the rows of a repository that may not be all.
    Partial(Repository),
    /// Passes on what was read of a repository before the listing ran out of time.
    Unfinished(RepositoryCount, Repository, Failure),
    /// Reads a repository.
    Repository(RepositoryCount),
    /// Passes on a failure.
    Failure(Failure),
    /// Asks again at the end how many repositories the project has, as Harbor listed only so many.
    CountAgain(String, u64),
}

/// The steps for a project, in the order of its repositories.
pub(super) async fn steps(
    api: &impl Api,
    limits: Limits,
    access_paths: AccessPaths,
    overview: ProjectOverview,
) -> Vec<Step> {
    let overview = match overview.repositories {
        None => overview::project(api, limits, overview).await,
        Some(_) => overview,
    };
    let ProjectOverview { name, repositories, failure, fewer_than_counted, .. } = overview;
    let repositories = repositories.unwrap_or_default();
    let mut steps = match access_paths.by_project(&repositories) {
        true => by_own_list(api, limits, &name, repositories).await,
        false => joined(repositories.into_iter().map(|repository| match repository.artifacts {
            Some(0) => Step::Read(vec![ReadRepository { repository, artifacts: Vec::new() }]),
            _ => Step::Repository(repository),
        })),
    };
    steps.extend(failure.map(Step::Failure));
    steps.extend(fewer_than_counted.map(|listed| Step::CountAgain(name, listed)));
    steps
}

/// The steps after the list of the project's artifacts was read. A repository with fewer artifacts in it than Harbor counts
/// is read by itself, for whatever reason: a list that changed, a page that came thin, a failure in mid-list.
async fn by_own_list(api: &impl Api, limits: Limits, project: &str, repositories: Vec<RepositoryCount>) -> Vec<Step> {
    let list = endpoints::project_artifacts(project);
    let (artifacts, truncated) = match paging::read_all::<ListedArtifact>(api, &list, limits).await {
        WholeList::Rows(artifacts, truncated) => (artifacts, truncated),
        WholeList::TooLong(_) => (Vec::new(), None),
    };
    let several_pages = artifacts.len() > limits.page_size;
    // Where an artifact does not name its repository, the list is of no use.
    let mut found = by_repository(project, artifacts).unwrap_or_default();
    // After that, the repositories can't be read by themselves either.
    let cancelled =
        truncated.as_ref().map(|truncated| &truncated.error).filter(|error| error.cancel_reason().is_some());
    // Of a list of several pages, a repository that changed meanwhile is read by itself.
    let changed = match limits.changed_since.filter(|_| several_pages && cancelled.is_none()) {
        Some(since) => Some(Changed::ask(api, limits, Some(project), since).await).transpose(),
        None => Ok(None),
    };
    let (changed, unknown) = match changed {
        Ok(changed) => (changed, None),
        Err(truncated) => (None, Some(truncated)),
    };
    let mut steps: BTreeMap<RepositoryName, Step> = BTreeMap::new();
    let mut all_found = true;
    for mut repository in repositories {
        let is_steady = match changed.as_ref().map(|changed| changed.state(&repository)) {
            Some(State::Changed(now)) => {
                repository = now;
                false
            }
            Some(State::Absent) => false,
            Some(State::Unchanged) | None => true,
        };
        let artifacts = found.remove(&repository.name.name).unwrap_or_default();
        let untagged = artifacts.iter().all(|artifact| artifact.tags.is_empty());
        let whole = repository.artifacts.is_some_and(|counted| artifacts.len() as u64 >= counted);
        let name = repository.name.clone();
        if is_steady && (repository.artifacts == Some(0) || (whole && !untagged)) {
            let artifacts = rows(artifacts, limits.detail);
            steps.insert(name, Step::Read(vec![ReadRepository { repository, artifacts }]));
        } else if let Some(error) = cancelled {
            all_found = false;
            let truncated = Truncated::after(error.clone(), repository.artifacts, artifacts.len());
            let failure = Failure::of_repository(&name, truncated);
            let rows = repository.name.with(rows(artifacts, limits.detail));
            steps.insert(name, Step::Unfinished(repository, rows, failure));
        } else {
            all_found = false;
            steps.insert(name, Step::Repository(repository));
        }
    }
    // Repositories that appeared since Harbor was asked for them.
    for (name, artifacts) in found {
        let name = RepositoryName { project: project.to_owned(), name };
        let rows = name.with(rows(artifacts, limits.detail));
        steps.insert(name, Step::Partial(rows));
    }
    let mut steps = joined(steps.into_values());
    // Otherwise the repositories that are read by themselves show the failure, if it lasts.
    if all_found {
        let count = |artifacts| MissingCounts { artifacts, ..MissingCounts::default() };
        steps.extend(truncated.map(|truncated| Step::Failure(Failure::of_project(project, truncated, count))));
    }
    steps.extend(unknown.map(|truncated| Step::Failure(Failure::of_project(project, truncated, |_| NOTHING))));
    steps
}

/// The same steps, with repositories that follow each other in one step: their rows pass to the next component in one call.
fn joined(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::new();
    for step in steps {
        match (joined.last_mut(), step) {
            (Some(Step::Read(before)), Step::Read(read)) => before.extend(read),
            (_, step) => joined.push(step),
        }
    }
    joined
}
