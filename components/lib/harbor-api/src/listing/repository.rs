//! The last stage of a listing: the rows of one repository.

use super::endpoints;
use super::failures::Failure;
use super::overview::RepositoryCount;
use crate::api::Api;
use crate::artifact::{ListedArtifact, RepositoryArtifact};
use crate::dedup::DedupWindow;
use crate::page::{Limits, Page};
use crate::paging::{self, Truncated, WholeList};
use crate::progress::{Progress, RepeatDetector};
use crate::repository_name::RepositoryName;
use crate::rows::{SortWindow, rows};
use crate::sink::Sink;
use image_model::types::{Artifact, FailureCode, Repository};

/// Most rows by which pushes may shift a streamed list during the reading.
const RECENT_ROWS: usize = 10_000;

/// A repository that was read to its end.
pub(crate) struct ReadRepository {
    pub(crate) repository: RepositoryCount,
    /// Its rows, in order.
    pub(crate) artifacts: Vec<Artifact>,
}

impl ReadRepository {
    /// Its rows for the sink; `None` where it has none.
    pub(super) fn into_rows(self) -> Option<Repository> {
        let RepositoryName { project, name } = self.repository.name;
        (!self.artifacts.is_empty()).then_some(Repository { project, name, artifacts: self.artifacts })
    }
}

/// What the reading of repositories came to.
pub(super) enum Outcome {
    /// They were read to their end.
    Whole(Vec<ReadRepository>),
    /// Rows of one repository that may not be all, and what went wrong.
    Partial(Repository, Option<Problem>),
    /// The repository has too many rows to buffer. [`stream`] passes them on when it is their turn.
    TooLong(RepositoryCount),
}

/// What went wrong with a repository.
pub(super) enum Problem {
    Failure(Failure),
    /// Harbor listed only so many artifacts twice, and counted more before.
    FewerThanCounted(u64),
}

/// Reads a repository, unless it is too long.
pub(super) async fn read(api: &impl Api, limits: Limits, repository: RepositoryCount) -> Outcome {
    let name = &repository.name;
    if !endpoints::is_valid_segment(&name.name) {
        let message = endpoints::invalid_name("repository", &name.name);
        let failure = Failure::in_repository(name, FailureCode::Inconsistent, message);
        return Outcome::Partial(name.with(Vec::new()), Some(Problem::Failure(failure)));
    }
    let list = endpoints::repository_artifacts(name);
    let mut read_again = true;
    loop {
        let WholeList::Rows(artifacts, truncated) = paging::read_all::<RepositoryArtifact>(api, &list, limits).await
        else {
            return Outcome::TooLong(repository);
        };
        let listed = artifacts.len() as u64;
        let fewer = truncated.is_none() && repository.artifacts.is_some_and(|counted| listed < counted);
        if fewer && std::mem::take(&mut read_again) {
            continue;
        }
        let artifacts = artifacts.into_iter().map(|RepositoryArtifact(artifact)| artifact).collect();
        let problem = match truncated {
            Some(truncated) => Some(Problem::Failure(Failure::of_repository(name, truncated))),
            None => fewer.then_some(Problem::FewerThanCounted(listed)),
        };
        return match problem {
            Some(_) => Outcome::Partial(name.with(rows(artifacts, limits.detail)), problem),
            None => Outcome::Whole(vec![ReadRepository { repository, artifacts: rows(artifacts, limits.detail) }]),
        };
    }
}

/// Passes on the rows of a long repository as they arrive. Returns whether the sink wants more rows, and what went wrong.
///
/// Rows leave in their order, so that rows that a second reading found could not follow. A list that turns out short is
/// therefore reported at once.
pub(super) async fn stream(
    api: &impl Api,
    limits: Limits,
    repository: &RepositoryCount,
    sink: &mut impl Sink,
) -> (bool, Option<Problem>) {
    let RepositoryCount { name: repository, artifacts: counted, .. } = repository;
    let list = endpoints::repository_artifacts(repository);
    let mut window = SortWindow::new(2 * limits.page_size, limits.detail);
    let mut recent = DedupWindow::new(RECENT_ROWS);
    let (mut wanted, mut repeats) = (true, RepeatDetector::default());
    // Of several totals the smallest one: pushes during the reading are not part of the listing.
    let (mut total, mut read): (Option<u64>, usize) = (None, 0);
    let outcome = match Page::get(api, &list, limits, 1).await {
        Err(error) => Err(error),
        Ok(first) => {
            paging::for_each_page(api, &list, limits, first, async |page: Page<ListedArtifact>| {
                total = [total, page.total].into_iter().flatten().min();
                let new: Vec<ListedArtifact> =
                    page.items.into_iter().filter(|artifact| recent.insert(artifact.digest.clone())).collect();
                let count = new.len();
                read += count;
                wanted = send_rows(sink, window.push(repository, new)).await;
                if wanted { repeats.count(count, read) } else { Progress::Stop }
            })
            .await
        }
    };
    wanted = wanted && send_rows(sink, window.drain(repository)).await;
    let error = outcome.err().or_else(|| repeats.error(api, &list));
    let truncated = match (error, total) {
        (Some(error), _) => Some(Truncated::after(error, total, read)),
        (None, Some(total)) if wanted && (read as u64) < total => Some(Truncated::short(api, &list, total, read)),
        (None, _) => None,
    };
    let problem = match truncated {
        Some(truncated) => Some(Problem::Failure(Failure::of_repository(repository, truncated))),
        None if wanted && counted.is_some_and(|counted| (read as u64) < counted) => {
            Some(Problem::FewerThanCounted(read as u64))
        }
        None => None,
    };
    (wanted, problem)
}

async fn send_rows(sink: &mut impl Sink, rows: Option<Repository>) -> bool {
    match rows {
        Some(rows) => sink.rows(vec![rows]).await,
        None => true,
    }
}
