//! A whole listing: all artifacts of all projects, each project by its cheaper access path.

use super::access_path::AccessPaths;
use super::failures::{Failure, Failures};
use super::kept::KeptRows;
use super::overview::ProjectOverview;
use super::project::{self, Step};
use super::recount::Recount;
use super::repository::{self, Outcome, Problem, ReadRepository};
use crate::api::Api;
use crate::page::Limits;
use crate::repository_name::RepositoryName;
use crate::session::Session;
use crate::sink::Sink;
use crate::store::Store;
use futures::{StreamExt, stream};
use image_model::types::{self, Repository};

/// Lists all rows in order, and keeps them. Returns whether the sink wants more.
pub(super) async fn list<S: Store>(
    session: &Session<'_, impl Api>,
    limits: Limits,
    access_paths: AccessPaths,
    overviews: Vec<ProjectOverview>,
    kept_rows: &mut Option<KeptRows<'_, S>>,
    failures: &mut Failures,
    sink: &mut impl Sink,
) -> bool {
    let steps = stream::iter(overviews)
        .map(|overview| project::steps(session, limits, access_paths, overview))
        .buffered(limits.concurrency)
        .flat_map(stream::iter);
    let mut taken = Box::pin(steps.map(|step| take(session, limits, step)).buffered(limits.concurrency));
    let mut recount = Recount::default();
    while let Some(taken) = taken.next().await {
        let rows: Vec<Repository> = match taken {
            Taken::Outcome(Outcome::Whole(read)) => {
                if let Some(kept_rows) = kept_rows {
                    kept_rows.keep(&read).await;
                }
                read.into_iter().filter_map(ReadRepository::into_rows).collect()
            }
            Taken::Outcome(Outcome::Partial(rows, problem)) => {
                let name = RepositoryName::of(&rows);
                // After a listing that ran out of time, the next one finds out by the marks whether kept rows are right yet.
                let was_cancelled = matches!(&problem, Some(Problem::Failure(failure)) if failure.is_cancelled());
                if let Some(kept_rows) = kept_rows
                    && !was_cancelled
                {
                    kept_rows.forget(&name).await;
                }
                recount.tell(problem, &name, failures, sink);
                Some(rows).filter(|rows| !rows.artifacts.is_empty()).into_iter().collect()
            }
            Taken::Outcome(Outcome::TooLong(repository)) => {
                let mut tee = Tee { sink, kept_rows: kept_rows.as_mut() };
                let (wanted, problem) = repository::stream(session, limits, &repository, &mut tee).await;
                if let Some(kept_rows) = kept_rows {
                    kept_rows.end_stream(&repository, wanted && problem.is_none()).await;
                }
                recount.tell(problem, &repository.name, failures, sink);
                if !wanted {
                    return false;
                }
                continue;
            }
            Taken::Failure(failure) => {
                failures.add(Some(failure), sink);
                continue;
            }
            Taken::CountAgain(project, listed) => {
                recount.add_project(project, listed);
                continue;
            }
        };
        if !rows.is_empty() && !sink.rows(rows).await {
            return false;
        }
    }
    recount.settle(session, limits, failures, sink).await;
    true
}

/// What a step came to.
enum Taken {
    Outcome(Outcome),
    Failure(Failure),
    CountAgain(String, u64),
}

/// Takes a step.
async fn take(api: &impl Api, limits: Limits, step: Step) -> Taken {
    match step {
        Step::Read(read) => Taken::Outcome(Outcome::Whole(read)),
        Step::Partial(rows) => Taken::Outcome(Outcome::Partial(rows, None)),
        Step::Repository(repository) => Taken::Outcome(repository::read(api, limits, repository).await),
        Step::Failure(failure) => Taken::Failure(failure),
        Step::CountAgain(project, listed) => Taken::CountAgain(project, listed),
    }
}

/// Passes the rows of a long repository on, and keeps them.
struct Tee<'b, 's, K, S> {
    sink: &'b mut K,
    kept_rows: Option<&'b mut KeptRows<'s, S>>,
}

impl<K: Sink, S: Store> Sink for Tee<'_, '_, K, S> {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        if let Some(kept_rows) = &mut self.kept_rows {
            rows.iter().for_each(|rows| kept_rows.take(&rows.artifacts));
        }
        self.sink.rows(rows).await
    }

    fn failed(&mut self, failure: types::Failure) {
        self.sink.failed(failure);
    }
}
