//! Validates what was read (the word of optimistic concurrency control): did repositories change while their pages were read?
//!
//! Several pages show a repository at several moments: a tag that moves from a later page to an earlier one meanwhile is in neither.
//! So where Harbor marks changes, a repository of several pages is valid if it has the same mark after the last page as before the
//! first one. Otherwise it is read again, and is valid then too if it has the same rows twice in a row, as one that is pulled
//! from all the time: a pull moves the mark, too. Only a tag that moves to and fro, between the same pages of two readings, escapes
//! both.

use super::changed::{Changed, State};
use super::failures::{Failure, MissingCounts};
use super::overview::RepositoryCount;
use super::repository::{self, Outcome, Problem, ReadRepository};
use crate::api::Api;
use crate::page::Limits;
use crate::paging::Truncated;
use futures::{Stream, StreamExt, stream};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

/// Most times that a repository is read that changes meanwhile.
const MAX_READINGS: usize = 3;

/// Pages that are read before Harbor is asked what changed, so that validation costs a twentieth of the requests at most. Their
/// rows are in memory until then.
const PAGES_A_QUESTION: usize = 20;

/// Rows that wait for longer are asked about with the next page: where Harbor is slow, the listing may end before many pages were
/// read, and what it has not validated by then is not kept.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Questions under way at a time. The next pages are read beside them.
const QUESTIONS: usize = 2;

/// What is missing where only the proof is.
const NOTHING: MissingCounts = MissingCounts { projects: 0, repositories: 0, artifacts: 0, uncounted: false, kept: 0 };

/// Validates what one listing reads.
pub(super) struct Validation<'a, A> {
    pub(super) api: &'a A,
    pub(super) limits: Limits,
    /// The one project to list, if there is one.
    single: Option<&'a str>,
    /// How many pages the list of all changed repositories had the last time.
    pages_of_all: Cell<usize>,
}

impl<'a, A: Api> Validation<'a, A> {
    pub(super) fn new(api: &'a A, limits: Limits, single: Option<&'a str>) -> Self {
        Self { api, limits, single, pages_of_all: Cell::new(1) }
    }

    /// What was read, in the same order, once it is valid. Passes each `Err` on, and adds those of the validation.
    pub(super) fn validated<E: From<Failure>>(
        &self,
        readings: impl Stream<Item = Result<Outcome, E>>,
    ) -> impl Stream<Item = Result<Outcome, E>> {
        let readings = Box::pin(readings.fuse());
        let batches = stream::unfold(readings, async |mut readings| {
            let batch = self.batch(&mut readings).await;
            (!batch.is_empty()).then_some((batch, readings))
        });
        batches.map(|batch| self.validate(batch)).buffered(QUESTIONS).flat_map(stream::iter)
    }

    /// What one question to Harbor is about: from the first that is in doubt on, until enough pages were read.
    async fn batch<E>(
        &self,
        readings: &mut Pin<Box<impl Stream<Item = Result<Outcome, E>>>>,
    ) -> Vec<Result<Outcome, E>> {
        let (mut batch, mut pages, mut doubted) = (Vec::new(), 0, None);
        while let Some(reading) = readings.next().await {
            let read = reading.as_ref().map_or(&[][..], Outcome::read);
            if doubted.is_none() && read.iter().any(|read| self.doubts(read)) {
                doubted = Some(self.api.now());
            }
            let rows: usize = read.iter().map(|read| read.artifacts.len()).sum();
            pages += rows.div_ceil(self.limits.page_size).max(1);
            batch.push(reading);
            match doubted {
                Some(since) if pages < PAGES_A_QUESTION && self.api.now().saturating_sub(since) < MAX_WAIT => {}
                _ => break,
            }
        }
        batch
    }

    /// Whether a repository may have changed while it was read.
    fn doubts(&self, read: &ReadRepository) -> bool {
        self.limits.changed_since.is_some() && read.in_several_pages
    }

    /// Asks what changed, and reads that again.
    async fn validate<E: From<Failure>>(&self, batch: Vec<Result<Outcome, E>>) -> Vec<Result<Outcome, E>> {
        let doubtful = batch.iter().flatten().flat_map(Outcome::read).filter(|read| self.doubts(read));
        let projects: BTreeSet<String> = doubtful.map(|read| read.repository.name.project.clone()).collect();
        let Some(since) = self.limits.changed_since.filter(|_| !projects.is_empty()) else { return batch };
        let changed = self.changed(&projects, since).await;
        let mut parts = Vec::with_capacity(batch.len());
        for reading in batch {
            match reading {
                Ok(outcome) => cut(outcome, &changed, &mut parts),
                Err(other) => parts.push(Part::Done(Err(other))),
            }
        }
        if let Err(truncated) = &changed
            && truncated.error.cancel_reason().is_none()
        {
            let failures = projects.iter().map(|project| Failure::of_project(project, truncated.clone(), |_| NOTHING));
            parts.extend(failures.map(|failure| Part::Done(Err(failure.into()))));
        }
        let valid = stream::iter(parts).map(async |part| match part {
            Part::Done(reading) => reading,
            Part::Again(repository, before) => {
                Ok(read_until_valid(self.api, self.limits, repository, Some(before)).await)
            }
        });
        valid.buffered(self.limits.concurrency).collect().await
    }

    /// Asks which repositories of these projects changed: by one list of all, unless that has more pages than there are projects.
    async fn changed(&self, projects: &BTreeSet<String>, since: i64) -> Result<Changed, Truncated> {
        if self.single.is_none() && projects.len() > 1 && self.pages_of_all.get() <= projects.len() {
            let all = Changed::ask(self.api, self.limits, None, since).await;
            let pages = |changed: &Changed| changed.repositories.len().div_ceil(self.limits.of_names().page_size);
            match all {
                Err(truncated) if truncated.error.cancel_reason().is_none() => self.pages_of_all.set(usize::MAX),
                all => {
                    self.pages_of_all.set(all.as_ref().map_or(1, pages));
                    return all;
                }
            }
        }
        let lists = stream::iter(projects).map(|project| Changed::ask(self.api, self.limits, Some(project), since));
        let mut lists = Box::pin(lists.buffer_unordered(self.limits.concurrency));
        let mut all = Changed { repositories: BTreeMap::new(), since };
        while let Some(changed) = lists.next().await {
            let Changed { repositories, since } = changed?;
            all.repositories.extend(repositories);
            all.since = since;
        }
        Ok(all)
    }
}

/// A part of what was read.
enum Part<E> {
    Done(Result<Outcome, E>),
    /// This repository has to be read again. Its rows had this fingerprint.
    Again(RepositoryCount, u64),
}

/// Cuts what was read together where a repository is not valid.
fn cut<E>(outcome: Outcome, changed: &Result<Changed, Truncated>, parts: &mut Vec<Part<E>>) {
    match outcome {
        Outcome::Whole(read) => {
            let mut valid = Vec::new();
            let whole = |valid: &mut Vec<ReadRepository>| {
                (!valid.is_empty()).then(|| Part::Done(Ok(Outcome::Whole(std::mem::take(valid)))))
            };
            for read in read {
                match judge(&read, changed) {
                    Judgement::Valid => valid.push(read),
                    other => parts.extend(whole(&mut valid).into_iter().chain([Part::doubtful(read, other)])),
                }
            }
            parts.extend(whole(&mut valid));
        }
        Outcome::Partial(read, problem @ Some(Problem::FewerThanCounted(_))) => {
            parts.push(match judge(&read, changed) {
                Judgement::Valid => Part::Done(Ok(Outcome::Partial(read, problem))),
                other => Part::doubtful(read, other),
            })
        }
        outcome @ (Outcome::Partial(..) | Outcome::TooLong(_)) => parts.push(Part::Done(Ok(outcome))),
    }
}

impl<E> Part<E> {
    /// What becomes of a repository that may not be valid.
    fn doubtful(read: ReadRepository, judgement: Judgement) -> Self {
        match judgement {
            Judgement::Valid => Self::Done(Ok(Outcome::Whole(vec![read]))),
            Judgement::Unknown(failure) => Self::Done(Ok(Outcome::Partial(read, failure.map(Problem::Failure)))),
            Judgement::Changed(now) => {
                let before = read.fingerprint();
                Self::Again(now.unwrap_or(read.repository), before)
            }
        }
    }
}

/// What Harbor's marks say of a repository that was read.
enum Judgement {
    Valid,
    /// It changed meanwhile. Harbor says this of it now, if it lists it.
    Changed(Option<RepositoryCount>),
    /// Harbor did not say. The failure is the repository's own.
    Unknown(Option<Failure>),
}

fn judge(read: &ReadRepository, changed: &Result<Changed, Truncated>) -> Judgement {
    match changed {
        _ if !read.in_several_pages => Judgement::Valid,
        Ok(changed) => match changed.state(&read.repository) {
            State::Unchanged => Judgement::Valid,
            State::Changed(now) => Judgement::Changed(Some(now)),
            State::Absent => Judgement::Changed(None),
        },
        // All that was cancelled becomes one failure. Any other is told once for the project.
        Err(truncated) => {
            let cancelled = truncated.error.cancel_reason();
            Judgement::Unknown(cancelled.map(|_| Failure::of_repository(&read.repository.name, truncated.clone())))
        }
    }
}

/// Reads a repository until it is valid. `before` is the fingerprint of its rows, if it was read and changed meanwhile.
pub(super) async fn read_until_valid(
    api: &impl Api,
    limits: Limits,
    mut repository: RepositoryCount,
    mut before: Option<u64>,
) -> Outcome {
    let mut readings = MAX_READINGS - usize::from(before.is_some());
    loop {
        let outcome = repository::read(api, limits, repository).await;
        let [read] = outcome.read() else { return outcome };
        let fingerprint = read.fingerprint();
        if !read.in_several_pages || before == Some(fingerprint) {
            return outcome;
        }
        readings -= 1;
        let failure = match Changed::since_it_was_listed(api, limits, &read.repository).await {
            Ok(State::Unchanged) => return outcome,
            Ok(state) if readings > 0 => {
                before = Some(fingerprint);
                repository = match state {
                    State::Changed(now) => now,
                    State::Unchanged | State::Absent => read.repository.clone(),
                };
                continue;
            }
            Ok(State::Changed(_) | State::Absent) => repository::changing(api, &read.repository.name),
            Err(truncated) => Failure::of_repository(&read.repository.name, truncated),
        };
        return Outcome::Partial(read.clone(), Some(Problem::Failure(failure)));
    }
}
