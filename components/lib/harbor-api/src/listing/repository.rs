//! The last stage of a listing: the rows of one repository.

use super::changed::{Changed, State};
use super::endpoints;
use super::failures::Failure;
use super::itself;
use super::overview::RepositoryCount;
use crate::api::Api;
use crate::artifact::{ListedArtifact, RepositoryArtifact};
use crate::dedup::DedupWindow;
use crate::error::{Error, ErrorKind};
use crate::page::{Limits, Page};
use crate::paging::{self, Truncated, WholeList};
use crate::progress::{Progress, RepeatDetector};
use crate::repository_name::RepositoryName;
use crate::rows::{SortWindow, rows};
use crate::sink::Sink;
use image_model::types::{self, Artifact, FailureCode, Repository};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Most rows by which pushes may shift a streamed list during the reading.
const RECENT_ROWS: usize = 10_000;

/// A repository that was read.
#[derive(Clone)]
pub(crate) struct ReadRepository {
    /// As Harbor listed it before.
    pub(crate) repository: RepositoryCount,
    /// Its rows, in order.
    pub(crate) artifacts: Vec<Artifact>,
    /// Whether the list with its rows had several pages, which show it at several moments.
    pub(crate) in_several_pages: bool,
}

impl ReadRepository {
    /// Its rows for the sink; `None` where it has none.
    pub(super) fn into_rows(self) -> Option<Repository> {
        let RepositoryName { project, name } = self.repository.name;
        (!self.artifacts.is_empty()).then_some(Repository { project, name, artifacts: self.artifacts })
    }

    /// A number that tells its rows from others, in whatever order.
    pub(super) fn fingerprint(&self) -> u64 {
        let of_each = self.artifacts.iter().map(|row| fingerprint(&row.digest, row.tags.iter()));
        of_each.fold(0, u64::wrapping_add)
    }
}

/// What the reading of repositories came to.
pub(super) enum Outcome {
    /// They were read to their end.
    Whole(Vec<ReadRepository>),
    /// One repository of which some rows may be missing, and what went wrong.
    Partial(ReadRepository, Option<Problem>),
    /// The repository has too many rows to buffer. [`stream`] passes them on when it is their turn.
    TooLong(RepositoryCount),
}

impl Outcome {
    /// The repositories whose lists came to their end.
    pub(super) fn read(&self) -> &[ReadRepository] {
        match self {
            Self::Whole(read) => read,
            Self::Partial(read, Some(Problem::FewerThanCounted(_))) => std::slice::from_ref(read),
            Self::Partial(..) | Self::TooLong(_) => &[],
        }
    }
}

/// What went wrong with a repository.
pub(super) enum Problem {
    Failure(Failure),
    /// Harbor listed only so many artifacts twice, and counted more before.
    FewerThanCounted(u64),
    /// Rows may be missing, as it changed while they were passed on. They may be kept: Harbor has another mark by now.
    Changed(Failure),
    /// Harbor says that there is no such repository. If it is not gone, this is the failure.
    Absent(Failure),
}

impl Problem {
    /// Whether rows with this problem may be kept with the mark that Harbor gave before.
    pub(super) fn spares_kept_rows(&self) -> bool {
        matches!(self, Self::Changed(_))
    }
}

/// Reads a repository, unless it is too long.
pub(super) async fn read(api: &impl Api, limits: Limits, repository: RepositoryCount) -> Outcome {
    let mut read = ReadRepository { repository, artifacts: Vec::new(), in_several_pages: false };
    let ReadRepository { repository, .. } = &read;
    if !endpoints::is_valid_segment(&repository.name.name) {
        let message = endpoints::invalid_name("repository", &repository.name.name);
        let failure = Failure::in_repository(&repository.name, FailureCode::Inconsistent, message);
        return Outcome::Partial(read, Some(Problem::Failure(failure)));
    }
    let list = endpoints::repository_artifacts(&repository.name);
    let mut read_again = true;
    loop {
        let WholeList::Rows(artifacts, truncated) = paging::read_all::<RepositoryArtifact>(api, &list, limits).await
        else {
            return Outcome::TooLong(read.repository);
        };
        let listed = artifacts.len() as u64;
        let fewer = truncated.is_none() && repository.artifacts.is_some_and(|counted| listed < counted);
        if fewer && std::mem::take(&mut read_again) {
            continue;
        }
        let problem = match truncated {
            Some(truncated) => Some(failed(api, &repository.name, truncated).await),
            None => fewer.then_some(Problem::FewerThanCounted(listed)),
        };
        if !matches!(problem, Some(Problem::Absent(_))) {
            let artifacts = artifacts.into_iter().map(|RepositoryArtifact(artifact)| artifact).collect();
            read.artifacts = rows(artifacts, limits.detail);
        }
        read.in_several_pages = listed > limits.page_size as u64;
        return match problem {
            Some(_) => Outcome::Partial(read, problem),
            None => Outcome::Whole(vec![read]),
        };
    }
}

/// What it means that a list of a repository failed: it may be gone.
async fn failed(api: &impl Api, name: &RepositoryName, truncated: Truncated) -> Problem {
    let is_absent = itself::is_absent(&truncated.error) && matches!(itself::ask(api, name).await, Ok(None));
    let failure = Failure::of_repository(name, truncated);
    if is_absent { Problem::Absent(failure) } else { Problem::Failure(failure) }
}

/// The failure of a repository that changed each time that it was read.
pub(super) fn changing(api: &impl Api, name: &RepositoryName) -> Failure {
    let what = "the list kept changing while it was read, so rows may be missing".to_owned();
    let url = api.url(&endpoints::repository_artifacts(name).path);
    Failure::of_repository(name, Truncated { error: Error { url, kind: ErrorKind::Inconsistent(what) }, missing: None })
}

/// A number that tells an artifact and its tags from others, whatever the order of the tags. The numbers of a list add up to the
/// same in any order.
fn fingerprint<'a>(digest: &str, tags: impl Iterator<Item = &'a String>) -> u64 {
    let hash = |tag: Option<&String>| {
        let mut hasher = DefaultHasher::new();
        (digest, tag).hash(&mut hasher);
        hasher.finish()
    };
    tags.map(|tag| hash(Some(tag))).fold(hash(None), u64::wrapping_add)
}

/// Passes on the rows of a long repository as they arrive. Returns whether the sink wants more rows, and what went wrong.
///
/// Rows leave in their order, so that rows that a second reading found could not follow. A list that turns out short is
/// therefore reported at once. One that changed meanwhile is read a second time, and reported where it is another one then.
pub(super) async fn stream(
    api: &impl Api,
    limits: Limits,
    repository: &RepositoryCount,
    sink: &mut impl Sink,
) -> (bool, Option<Problem>) {
    let Streamed { wanted, problem, fingerprint } = stream_once(api, limits, repository, sink).await;
    if !wanted || matches!(problem, Some(Problem::Failure(_) | Problem::Absent(_))) {
        return (wanted, problem);
    }
    let state = match Changed::since_it_was_listed(api, limits, repository).await {
        Ok(State::Unchanged) => return (wanted, problem),
        Ok(state) => state,
        Err(truncated) => {
            return (wanted, Some(Problem::Failure(Failure::of_repository(&repository.name, truncated))));
        }
    };
    let again = stream_once(api, limits, repository, &mut Nowhere).await;
    let problem = match again.problem {
        Some(failed @ (Problem::Failure(_) | Problem::Absent(_))) => Some(failed),
        _ if again.fingerprint == fingerprint => problem,
        _ => Some(match state {
            State::Changed(_) => Problem::Changed(changing(api, &repository.name)),
            State::Unchanged | State::Absent => Problem::Failure(changing(api, &repository.name)),
        }),
    };
    (wanted, problem)
}

/// A long repository whose rows were passed on.
struct Streamed {
    /// Whether the sink wants more rows.
    wanted: bool,
    problem: Option<Problem>,
    /// That of all artifacts.
    fingerprint: u64,
}

async fn stream_once(api: &impl Api, limits: Limits, repository: &RepositoryCount, sink: &mut impl Sink) -> Streamed {
    let RepositoryCount { name: repository, artifacts: counted, .. } = repository;
    let list = endpoints::repository_artifacts(repository);
    let mut window = SortWindow::new(2 * limits.page_size, limits.detail);
    let mut recent = DedupWindow::new(RECENT_ROWS);
    let (mut wanted, mut repeats) = (true, RepeatDetector::default());
    // Of several totals the smallest one: pushes during the reading are not part of the listing.
    let (mut total, mut read): (Option<u64>, usize) = (None, 0);
    let mut sum = 0_u64;
    let outcome = match Page::get(api, &list, limits, 1).await {
        Err(error) => Err(error),
        Ok(first) => {
            paging::for_each_page(api, &list, limits, first, async |page: Page<ListedArtifact>| {
                total = [total, page.total].into_iter().flatten().min();
                let new: Vec<ListedArtifact> =
                    page.items.into_iter().filter(|artifact| recent.insert(artifact.digest.clone())).collect();
                let count = new.len();
                let all =
                    new.iter().map(|artifact| fingerprint(&artifact.digest, artifact.tags.iter().map(|tag| &tag.name)));
                sum = all.fold(sum, u64::wrapping_add);
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
        Some(truncated) => Some(failed(api, repository, truncated).await),
        None if wanted && counted.is_some_and(|counted| (read as u64) < counted) => {
            Some(Problem::FewerThanCounted(read as u64))
        }
        None => None,
    };
    Streamed { wanted, problem, fingerprint: sum }
}

/// Takes rows that nobody needs.
struct Nowhere;

impl Sink for Nowhere {
    async fn rows(&mut self, _: Vec<Repository>) -> bool {
        true
    }

    fn failed(&mut self, _: types::Failure) {}
}

async fn send_rows(sink: &mut impl Sink, rows: Option<Repository>) -> bool {
    match rows {
        Some(rows) => sink.rows(vec![rows]).await,
        None => true,
    }
}
