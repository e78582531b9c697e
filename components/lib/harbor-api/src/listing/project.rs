//! The second stage of a listing: how the artifacts of a project are read, and what its own list of artifacts gave.

use super::access_path::AccessPaths;
use super::endpoints;
use super::failures::{Failure, MissingCounts};
use super::overview::{self, ProjectOverview, RepositoryCount};
use super::repository::{Outcome, Problem, ReadRepository};
use crate::api::Api;
use crate::artifact::ListedArtifact;
use crate::page::Limits;
use crate::paging::{self, Truncated, WholeList};
use crate::repository_name::RepositoryName;
use crate::rows::{by_repository, rows};
use std::collections::BTreeMap;

/// One step of the last stage.
pub(super) enum Step {
    /// Passes on what needs no request: repositories that are empty, or came with their project.
    Read(Outcome),
    /// Reads a repository.
    Repository(RepositoryCount),
    /// Passes on what concerns no repository.
    OfProject(OfProject),
}

/// What is to be told of a project.
pub(super) enum OfProject {
    Failure(Failure),
    /// Harbor has to be asked again at the end how many repositories the project has, as it listed only so many.
    CountAgain(String, u64),
}

impl From<Failure> for OfProject {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
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
            Some(0) => Step::Read(Outcome::Whole(vec![ReadRepository {
                repository,
                artifacts: Vec::new(),
                in_several_pages: false,
            }])),
            _ => Step::Repository(repository),
        })),
    };
    let count_again = fewer_than_counted.map(|listed| OfProject::CountAgain(name, listed));
    steps.extend(failure.map(OfProject::Failure).into_iter().chain(count_again).map(Step::OfProject));
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
    let in_several_pages = artifacts.len() > limits.page_size;
    // Where an artifact does not name its repository, the list is of no use.
    let mut found = by_repository(project, artifacts).unwrap_or_default();
    // After that, the repositories can't be read by themselves either.
    let cancelled =
        truncated.as_ref().map(|truncated| &truncated.error).filter(|error| error.cancel_reason().is_some());
    let mut steps: BTreeMap<RepositoryName, Step> = BTreeMap::new();
    let mut all_found = true;
    for repository in repositories {
        let artifacts = found.remove(&repository.name.name).unwrap_or_default();
        let listed = artifacts.len();
        let untagged = artifacts.iter().all(|artifact| artifact.tags.is_empty());
        let whole = repository.artifacts.is_some_and(|counted| listed as u64 >= counted);
        let name = repository.name.clone();
        let read =
            |repository| ReadRepository { repository, artifacts: rows(artifacts, limits.detail), in_several_pages };
        let step = if repository.artifacts == Some(0) || (whole && !untagged) {
            Step::Read(Outcome::Whole(vec![read(repository)]))
        } else if let Some(error) = cancelled {
            all_found = false;
            let truncated = Truncated::after(error.clone(), repository.artifacts, listed);
            let failure = Failure::of_repository(&name, truncated);
            Step::Read(Outcome::Partial(read(repository), Some(Problem::Failure(failure))))
        } else {
            all_found = false;
            Step::Repository(repository)
        };
        steps.insert(name, step);
    }
    // Repositories that appeared since Harbor was asked for them.
    for (name, artifacts) in found {
        let name = RepositoryName { project: project.to_owned(), name };
        let repository = RepositoryCount { name: name.clone(), artifacts: None, updated: None };
        let read = ReadRepository { repository, artifacts: rows(artifacts, limits.detail), in_several_pages };
        steps.insert(name, Step::Read(Outcome::Partial(read, None)));
    }
    let mut steps = joined(steps.into_values());
    // Otherwise the repositories that are read by themselves show the failure, if it lasts.
    if all_found {
        let count = |artifacts| MissingCounts { artifacts, ..MissingCounts::default() };
        let failure = truncated.map(|truncated| Failure::of_project(project, truncated, count));
        steps.extend(failure.map(|failure| Step::OfProject(failure.into())));
    }
    steps
}

/// The same steps, with repositories that follow each other in one step: their rows pass to the next component in one call.
fn joined(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::new();
    for step in steps {
        match (joined.last_mut(), step) {
            (Some(Step::Read(Outcome::Whole(before))), Step::Read(Outcome::Whole(read))) => before.extend(read),
            (_, step) => joined.push(step),
        }
    }
    joined
}
