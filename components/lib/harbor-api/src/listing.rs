//! The plan of a listing: which lists it reads, in which order it gives rows, and which rows a failure costs.
//!
//! 1. `login`: whether the login counts; `overview`: the projects, their repositories, and how many artifacts each has;
//! 2. `road`: what it costs to read a project by its own list, or repository by repository; `project`: reads it on the cheaper
//!    road;
//! 3. `repository`: the rows of each repository;
//! 4. `recount`: whether what Harbor counted and did not list is gone, or missing.
//!
//! The second stage works ahead of the third, and the third ahead of the sink, by as many steps as there may be requests at a
//! time.

mod endpoints;
mod failures;
mod login;
mod overview;
mod project;
mod recount;
mod repository;
mod road;

pub use crate::sink::Sink;
pub use road::Costs;

use crate::api::Api;
use crate::config::Config;
use crate::memory::{MAX_BUFFERED_ROWS, MAX_LIST_BYTES};
use crate::page::Limits;
use crate::session::Session;
use failures::Failures;
use futures::{StreamExt, join, stream};
use project::Step;
use recount::Recount;
use repository::{Problem, RepositoryRows};
use road::Roads;

/// Lists the projects that the configuration names: all rows in order, and each failure once.
pub async fn list(api: &impl Api, config: &Config, sink: &mut impl Sink) {
    let limits = Limits {
        page_size: config.page_size,
        concurrency: config.concurrency,
        buffered_rows: MAX_BUFFERED_ROWS,
        buffered_bytes: MAX_LIST_BYTES,
        believes_totals: true,
    };
    run(api, limits, config.project.as_deref(), sink).await;
}

/// Lists one project, or all that the user sees.
async fn run(api: &impl Api, limits: Limits, project: Option<&str>, sink: &mut impl Sink) {
    let session = &Session::new(api);
    let mut failures = Failures::default();
    // The first listing waits for the login check: Harbor pauses at each request with a wrong password.
    let ahead = project.is_none() && session.recall().login_counted;
    let ((harbor, failure), projects) = if ahead {
        let (login, projects) = join!(login::check(session), overview::projects(session, limits));
        (login, Some(projects))
    } else {
        (login::check(session).await, None)
    };
    failures.add(failure, sink);
    let Some(harbor) = harbor else { return failures.end(sink) };
    let projects = match project {
        Some(project) => overview::single(project),
        None => {
            let (projects, failure) = match projects {
                Some(projects) => projects,
                None => overview::projects(session, limits).await,
            };
            failures.add(failure, sink);
            projects
        }
    };
    let overviews = overview::read(session, limits, projects).await;
    let roads = Roads::learn(session, limits, harbor, &overviews).await;
    let steps = stream::iter(overviews)
        .map(|overview| project::steps(session, limits, roads, overview))
        .buffered(limits.concurrency)
        .flat_map(stream::iter);
    let mut taken = Box::pin(steps.map(|step| take(session, limits, step)).buffered(limits.concurrency));
    let mut recount = Recount::default();
    while let Some(taken) = taken.next().await {
        let (rows, problem) = match taken {
            Taken::Repository(RepositoryRows::Buffered(rows, problem)) => (rows, problem),
            Taken::Repository(RepositoryRows::TooLong(repository)) => {
                let (wanted, failure) = repository::stream(session, limits, &repository, sink).await;
                failures.add(failure, sink);
                if !wanted {
                    return;
                }
                continue;
            }
            Taken::CountAgain(project, listed) => {
                recount.add_project(project, listed);
                continue;
            }
        };
        if !rows.is_empty() && !sink.rows(rows).await {
            return;
        }
        match problem {
            Some(Problem::Failure(failure)) => failures.add(Some(failure), sink),
            Some(Problem::FewerThanCounted(name, listed)) => recount.add_repository(name, listed),
            None => {}
        }
    }
    recount.settle(session, limits, &mut failures, sink).await;
    failures.end(sink);
}

/// What a step came to.
enum Taken {
    Repository(RepositoryRows),
    CountAgain(String, u64),
}

/// Takes a step.
async fn take(api: &impl Api, limits: Limits, step: Step) -> Taken {
    Taken::Repository(match step {
        Step::Rows(rows) => RepositoryRows::Buffered(rows, None),
        Step::Failure(failure) => RepositoryRows::Buffered(Vec::new(), Some(Problem::Failure(failure))),
        Step::Repository(repository) => repository::read(api, limits, repository).await,
        Step::CountAgain(project, listed) => return Taken::CountAgain(project, listed),
    })
}

#[cfg(test)]
mod tests;
