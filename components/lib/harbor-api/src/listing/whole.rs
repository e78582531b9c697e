//! A whole listing: all artifacts of all projects, each project by its cheaper access path.

use super::access_path::AccessPaths;
use super::failures::{Failure, Failures};
use super::kept::KeptRows;
use super::overview::ProjectOverview;
use super::project::{self, OfProject, Step};
use super::recount::Recount;
use super::repository::{self, Outcome, Problem, ReadRepository};
use super::validation::Validation;
use crate::api::Api;
use crate::page::Limits;
use crate::session::Session;
use crate::sink::Sink;
use crate::store::Store;
use futures::{StreamExt, stream};
use image_model::types::{self, Repository};

/// Lists all rows in order, and keeps them. Returns whether the sink wants more.
pub(super) async fn list<'a, A: Api + 'a, S: Store>(
    validation: &Validation<'_, Session<'a, A>>,
    access_paths: AccessPaths,
    overviews: Vec<ProjectOverview>,
    kept_rows: &mut Option<KeptRows<'_, S>>,
    failures: &mut Failures,
    sink: &mut impl Sink,
) -> bool {
    let Validation { api: session, limits, .. } = *validation;
    let steps = stream::iter(overviews)
        .map(|overview| project::steps(session, limits, access_paths, overview))
        .buffered(limits.concurrency)
        .flat_map(stream::iter);
    let read = steps.map(|step| take(session, limits, step)).buffered(limits.concurrency);
    let mut outcomes = Box::pin(validation.validated(read));
    let mut recount = Recount::default();
    while let Some(outcome) = outcomes.next().await {
        let rows: Vec<Repository> = match outcome {
            Ok(Outcome::Whole(read)) => {
                if let Some(kept_rows) = kept_rows {
                    kept_rows.keep(&read).await;
                }
                read.into_iter().filter_map(ReadRepository::into_rows).collect()
            }
            Ok(Outcome::Partial(read, Some(Problem::Failure(failure)))) if failure.is_cancelled() => {
                unfinished(kept_rows.as_ref(), read, failure, failures, sink).await
            }
            Ok(Outcome::Partial(read, problem)) => {
                let name = &read.repository.name;
                if let Some(kept_rows) = kept_rows {
                    kept_rows.forget(name).await;
                }
                recount.tell(problem, name, failures, sink);
                read.into_rows().into_iter().collect()
            }
            Ok(Outcome::TooLong(repository)) => {
                let mut tee = Tee { sink, kept_rows: kept_rows.as_mut(), passed: false };
                let (wanted, problem) = repository::stream(session, limits, &repository, &mut tee).await;
                let passed = tee.passed;
                match problem {
                    Some(Problem::Failure(failure)) if failure.is_cancelled() => {
                        if let Some(kept_rows) = kept_rows {
                            kept_rows.drop_stream();
                        }
                        let none = ReadRepository { repository, artifacts: Vec::new(), in_several_pages: true };
                        // Kept rows behind those that the sink has would be there twice.
                        let kept_rows = kept_rows.as_ref().filter(|_| !passed);
                        unfinished(kept_rows, none, failure, failures, sink).await
                    }
                    problem => {
                        if let Some(kept_rows) = kept_rows {
                            let whole = wanted && problem.as_ref().is_none_or(Problem::spares_kept_rows);
                            kept_rows.end_stream(&repository, whole).await;
                        }
                        recount.tell(problem, &repository.name, failures, sink);
                        if !wanted {
                            return false;
                        }
                        continue;
                    }
                }
            }
            Err(OfProject::Failure(failure)) => {
                failures.add(Some(failure), sink);
                continue;
            }
            Err(OfProject::CountAgain(project, listed)) => {
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

/// The rows of a repository that was not read to its end before the listing ran out of time: the kept ones, if Harbor has not
/// marked a change since, and otherwise these. The next listing finds out by the marks, too.
async fn unfinished<S: Store>(
    kept_rows: Option<&KeptRows<'_, S>>,
    mut read: ReadRepository,
    mut failure: Failure,
    failures: &mut Failures,
    sink: &mut impl Sink,
) -> Vec<Repository> {
    if let Some(kept_rows) = kept_rows
        && let Some(artifacts) = kept_rows.rows_of(&read.repository).await
    {
        (read.artifacts, failure) = (artifacts, failure.with_kept_rows());
    }
    failures.add(Some(failure), sink);
    read.into_rows().into_iter().collect()
}

/// Takes a step.
async fn take(api: &impl Api, limits: Limits, step: Step) -> Result<Outcome, OfProject> {
    match step {
        Step::Read(outcome) => Ok(outcome),
        Step::Repository(repository) => Ok(repository::read(api, limits, repository).await),
        Step::OfProject(told) => Err(told),
    }
}

/// Passes the rows of a long repository on, and keeps them.
struct Tee<'b, 's, K, S> {
    sink: &'b mut K,
    kept_rows: Option<&'b mut KeptRows<'s, S>>,
    /// Whether there were any.
    passed: bool,
}

impl<K: Sink, S: Store> Sink for Tee<'_, '_, K, S> {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        self.passed |= !rows.is_empty();
        if let Some(kept_rows) = &mut self.kept_rows {
            rows.iter().for_each(|rows| kept_rows.take(&rows.artifacts));
        }
        self.sink.rows(rows).await
    }

    fn failed(&mut self, failure: types::Failure) {
        self.sink.failed(failure);
    }
}
