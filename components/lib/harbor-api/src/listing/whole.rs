//! A whole listing: all artifacts of all projects, each project by its cheaper access path.

use super::access_path::AccessPaths;
use super::failures::{Failure, Failures};
use super::kept::KeptRows;
use super::overview::{ProjectOverview, RepositoryCount};
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
                if let Some(kept_rows) = kept_rows {
                    kept_rows.forget(&name).await;
                }
                recount.tell(problem, &name, failures, sink);
                Some(rows).filter(|rows| !rows.artifacts.is_empty()).into_iter().collect()
            }
            Taken::Outcome(Outcome::TooLong(repository)) => {
                let mut tee = Tee { sink, kept_rows: kept_rows.as_mut(), passed: false };
                let (wanted, problem) = repository::stream(session, limits, &repository, &mut tee).await;
                let passed = tee.passed;
                match problem {
                    Some(Problem::Failure(failure)) if failure.is_cancelled() => {
                        if let Some(kept_rows) = kept_rows {
                            kept_rows.drop_stream();
                        }
                        let none = repository.name.with(Vec::new());
                        // Kept rows behind those that the sink has would be there twice.
                        let kept_rows = kept_rows.as_ref().filter(|_| !passed);
                        unfinished(kept_rows, &repository, none, failure, failures, sink).await
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
            Taken::Unfinished(repository, rows, failure) => {
                unfinished(kept_rows.as_ref(), &repository, rows, failure, failures, sink).await
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

/// The rows of a repository that was not read to its end before the listing ran out of time: the kept ones, if Harbor has not
/// marked a change since, and otherwise these. The next listing finds out by the marks, too.
async fn unfinished<S: Store>(
    kept_rows: Option<&KeptRows<'_, S>>,
    repository: &RepositoryCount,
    rows: Repository,
    failure: Failure,
    failures: &mut Failures,
    sink: &mut impl Sink,
) -> Vec<Repository> {
    let kept = match kept_rows {
        Some(kept_rows) => kept_rows.rows_of(repository).await,
        None => None,
    };
    let (rows, failure) = match kept {
        Some(artifacts) => (repository.name.with(artifacts), failure.with_kept_rows()),
        None => (rows, failure),
    };
    failures.add(Some(failure), sink);
    Some(rows).filter(|rows| !rows.artifacts.is_empty()).into_iter().collect()
}

/// What a step came to.
enum Taken {
    Outcome(Outcome),
    /// The listing ran out of time before it had read the repository.
    Unfinished(RepositoryCount, Repository, Failure),
    Failure(Failure),
    CountAgain(String, u64),
}

/// Takes a step.
async fn take(api: &impl Api, limits: Limits, step: Step) -> Taken {
    match step {
        Step::Read(read) => Taken::Outcome(Outcome::Whole(read)),
        Step::Partial(rows) => Taken::Outcome(Outcome::Partial(rows, None)),
        Step::Unfinished(repository, rows, failure) => Taken::Unfinished(repository, rows, failure),
        Step::Repository(repository) => match repository::read(api, limits, repository.clone()).await {
            Outcome::Partial(rows, Some(Problem::Failure(failure))) if failure.is_cancelled() => {
                Taken::Unfinished(repository, rows, failure)
            }
            outcome => Taken::Outcome(outcome),
        },
        Step::Failure(failure) => Taken::Failure(failure),
        Step::CountAgain(project, listed) => Taken::CountAgain(project, listed),
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
