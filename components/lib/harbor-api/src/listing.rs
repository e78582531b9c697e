//! The plan of a listing: which lists it reads, in which order it gives rows, and which rows a failure costs.
//!
//! Three stages, each of which works ahead of the next one by as many steps as there may be requests at a time:
//! projects -> the contents of each project (all its rows, or its repositories) -> the rows of each repository.

mod endpoints;
mod failures;
mod login;
mod project;
mod repository;

pub use crate::sink::Sink;

use crate::api::Api;
use crate::config::Config;
use crate::page::{Limits, MAX_BUFFERED_ROWS};
use failures::{Failure, Failures};
use futures::{StreamExt, join, stream};
use image_model::types::HarborRepository;
use project::Contents;
use repository::RepositoryRows;

/// Lists the projects that the configuration names: all rows in order, and each failure once.
pub async fn list(api: &impl Api, config: &Config, sink: &mut impl Sink) {
    let limits =
        Limits { page_size: config.page_size, concurrency: config.concurrency, buffered_rows: MAX_BUFFERED_ROWS };
    run(api, limits, config.project.as_deref(), sink).await;
}

/// Lists one project, or all that the user sees.
async fn run(api: &impl Api, limits: Limits, project: Option<&str>, sink: &mut impl Sink) {
    let mut failures = Failures::default();
    // The first listing waits for the login check: Harbor pauses at each request with a wrong password.
    let ahead = project.is_none() && api.was_logged_in();
    let ((source, failure), projects) = if ahead {
        let (login, projects) = join!(login::check(api), project::names(api, limits));
        (login, Some(projects))
    } else {
        (login::check(api).await, None)
    };
    failures.add(failure, sink);
    let Some(source) = source else { return failures.end(sink) };
    let projects = match project {
        Some(project) => vec![project.to_owned()],
        None => {
            let (projects, failure) = match projects {
                Some(projects) => projects,
                None => project::names(api, limits).await,
            };
            failures.add(failure, sink);
            projects
        }
    };
    let contents = stream::iter(projects)
        .map(|project| project::contents(api, limits, project, source))
        .buffered(limits.concurrency)
        .flat_map(|contents| stream::iter(steps(contents)));
    let mut rows = Box::pin(contents.map(|step| take(api, limits, step)).buffered(limits.concurrency));
    while let Some(rows) = rows.next().await {
        let (wanted, failure) = match rows {
            RepositoryRows::Buffered(rows, failure) => (rows.is_empty() || sink.rows(rows).await, failure),
            RepositoryRows::TooLong(repository) => repository::stream(api, limits, &repository, sink).await,
        };
        failures.add(failure, sink);
        if !wanted {
            return;
        }
    }
    failures.end(sink);
}

/// One step of the last stage.
enum Step {
    /// Passes on rows that came with their project.
    Rows(Vec<HarborRepository>),
    /// Reads a repository.
    Repository(crate::repository_name::RepositoryName),
    /// Passes on a failure.
    Failure(Failure),
}

/// The steps for a project.
fn steps(contents: Contents) -> Vec<Step> {
    let (mut steps, failure) = match contents {
        Contents::Rows(rows, failure) => (vec![Step::Rows(rows)], failure),
        Contents::Repositories(repositories, failure) => {
            (repositories.into_iter().map(Step::Repository).collect::<Vec<_>>(), failure)
        }
    };
    steps.extend(failure.map(Step::Failure));
    steps
}

/// Takes a step.
async fn take(api: &impl Api, limits: Limits, step: Step) -> RepositoryRows {
    match step {
        Step::Rows(rows) => RepositoryRows::Buffered(rows, None),
        Step::Failure(failure) => RepositoryRows::Buffered(Vec::new(), Some(failure)),
        Step::Repository(repository) => repository::read(api, limits, repository).await,
    }
}

#[cfg(test)]
mod tests;
