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

/// Most times that a repository is read that changes meanwhile.
const MAX_READINGS: usize = 3;

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
///
/// Its pages show it at several moments: a tag that moves from a later page to an earlier one meanwhile is in neither. So where
/// Harbor marks changes, a repository of several pages counts as read if it has the same mark after the last page as before the
/// first one, or if it has the same rows twice in a row, as one that is pulled from all the time: a pull moves the mark, too.
/// Only a tag that moves to and fro, between the same pages of two readings, escapes both.
pub(super) async fn read(api: &impl Api, limits: Limits, mut repository: RepositoryCount) -> Outcome {
    if !endpoints::is_valid_segment(&repository.name.name) {
        let message = endpoints::invalid_name("repository", &repository.name.name);
        let failure = Failure::in_repository(&repository.name, FailureCode::Inconsistent, message);
        return Outcome::Partial(repository.name.with(Vec::new()), Some(Problem::Failure(failure)));
    }
    let mut earlier = None;
    let mut readings = 1..=MAX_READINGS;
    loop {
        let Some(Reading { artifacts, listed, problem }) = read_list(api, limits, &repository).await else {
            return Outcome::TooLong(repository);
        };
        let fingerprint =
            artifacts.iter().map(|row| fingerprint(&row.digest, row.tags.iter())).fold(0, u64::wrapping_add);
        let is_failed = matches!(problem, Some(Problem::Failure(_) | Problem::Absent(_)));
        let is_proved = is_failed || listed <= limits.page_size as u64 || earlier == Some(fingerprint);
        let state = match is_proved {
            true => Ok(State::Unchanged),
            false => state(api, limits, &repository).await,
        };
        let problem = match state {
            Ok(State::Unchanged) => problem,
            Err(truncated) => Some(Problem::Failure(Failure::of_repository(&repository.name, truncated))),
            Ok(state) => {
                readings.next();
                if readings.is_empty() {
                    Some(Problem::Failure(changing(api, &repository.name)))
                } else {
                    earlier = Some(fingerprint);
                    if let State::Changed(now) = state {
                        repository = now;
                    }
                    continue;
                }
            }
        };
        return match problem {
            Some(Problem::Absent(_)) => Outcome::Partial(repository.name.with(Vec::new()), problem),
            Some(_) => Outcome::Partial(repository.name.with(artifacts), problem),
            None => Outcome::Whole(vec![ReadRepository { repository, artifacts }]),
        };
    }
}

/// A repository as one reading of its list shows it.
struct Reading {
    /// Its rows, in order.
    artifacts: Vec<Artifact>,
    /// How many artifacts Harbor listed, with those that give no row.
    listed: u64,
    problem: Option<Problem>,
}

/// Reads the list of a repository; `None` where it is too long.
async fn read_list(api: &impl Api, limits: Limits, repository: &RepositoryCount) -> Option<Reading> {
    let list = endpoints::repository_artifacts(&repository.name);
    let mut read_again = true;
    loop {
        let WholeList::Rows(artifacts, truncated) = paging::read_all::<RepositoryArtifact>(api, &list, limits).await
        else {
            return None;
        };
        let listed = artifacts.len() as u64;
        let fewer = truncated.is_none() && repository.artifacts.is_some_and(|counted| listed < counted);
        if fewer && std::mem::take(&mut read_again) {
            continue;
        }
        let artifacts = artifacts.into_iter().map(|RepositoryArtifact(artifact)| artifact).collect();
        let problem = match truncated {
            Some(truncated) => Some(failed(api, &repository.name, truncated).await),
            None => fewer.then_some(Problem::FewerThanCounted(listed)),
        };
        return Some(Reading { artifacts: rows(artifacts, limits.detail), listed, problem });
    }
}

/// What it means that a list of a repository failed: it may be gone.
async fn failed(api: &impl Api, name: &RepositoryName, truncated: Truncated) -> Problem {
    let is_absent = itself::is_absent(&truncated.error) && matches!(itself::ask(api, name).await, Ok(None));
    let failure = Failure::of_repository(name, truncated);
    if is_absent { Problem::Absent(failure) } else { Problem::Failure(failure) }
}

/// What became of a repository since it was listed; unchanged where Harbor marks no changes.
async fn state(api: &impl Api, limits: Limits, repository: &RepositoryCount) -> Result<State, Truncated> {
    let Some(since) = limits.changed_since else { return Ok(State::Unchanged) };
    let changed = Changed::ask(api, limits, Some(&repository.name.project), since).await?;
    Ok(changed.state(repository))
}

/// The failure of a repository that changed each time that it was read.
fn changing(api: &impl Api, name: &RepositoryName) -> Failure {
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
    let state = match state(api, limits, repository).await {
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
