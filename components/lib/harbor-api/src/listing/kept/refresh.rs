//! Reads what changed since the last listing.

use super::row_store::RowStore;
use super::{KeptRows, latest, repositories};
use crate::api::Api;
use crate::artifact::Time;
use crate::listing::changed::{self, Changed};
use crate::listing::endpoints;
use crate::listing::failures::{Failure, Failures};
use crate::listing::overview::{self, Project, ProjectOverview, RepositoryCount};
use crate::listing::recount::Recount;
use crate::listing::repository::{self, Outcome, Problem, ReadRepository};
use crate::listing::validation::Validation;
use crate::page::Limits;
use crate::repository_name::RepositoryName;
use crate::session::Session;
use crate::sink::Sink;
use crate::store::Store;
use futures::{StreamExt, stream};
use image_model::types;
use std::collections::{BTreeMap, BTreeSet};

/// Most rows of repositories that can't be kept or were not read whole. They are in memory until it is their turn.
const MAX_PART_ROWS: usize = 50_000;

/// What a refresh came to.
pub(in crate::listing) enum Refreshed {
    /// The store has the rows of all repositories, but of these, which can't be kept, or of which some rows were read. The failures
    /// are errors here only, as a listing that reads all finds them again.
    Ready(BTreeMap<RepositoryName, types::Repository>, Vec<types::Failure>),
    /// Something does not add up: all has to be read.
    ReadAll,
}

/// What is to be done so that the kept rows are those of Harbor.
struct Work {
    /// Repositories to read.
    read: Vec<RepositoryCount>,
    /// Repositories to forget.
    gone: Vec<RepositoryName>,
    /// The latest mark.
    newest: Option<i64>,
    /// Whether something that is kept under a mark of the time that was asked for is gone, or has an earlier mark now.
    lacks: bool,
}

/// Reads the repositories of these projects that changed. `single` is the one project to list, if there is one.
pub(in crate::listing) async fn refresh<S: Store>(
    session: &Session<'_, impl Api>,
    limits: Limits,
    projects: &[Project],
    single: Option<&str>,
    kept_rows: &mut KeptRows<'_, S>,
    failures: &mut Failures,
) -> Refreshed {
    let marked = match kept_rows.meta.complete {
        true => match marked(session, limits, single, kept_rows).await {
            Some(work) => Some(work),
            None => return Refreshed::ReadAll,
        },
        false => None,
    };
    let work = match marked {
        Some(work) if adds_up(&counted(session, limits, projects).await, kept_rows, &work) => Some(work),
        // Something was deleted, or became visible, or the last listing did not come to its end.
        _ => compared(session, limits, projects, kept_rows).await,
    };
    let Some(Work { read, gone, newest, .. }) = work else { return Refreshed::ReadAll };
    let newest = newest.max(kept_rows.meta.newest);
    let limits = Limits { changed_since: changed::beginning(newest, kept_rows.now), ..limits };
    let (mut parts, mut errors) = (Parts::default(), CollectedErrors::default());
    for name in &gone {
        kept_rows.forget(name).await;
    }
    let mut recount = Recount::default();
    let validation = Validation::new(session, limits, single);
    let read = stream::iter(read).map(async |count| Ok::<_, Failure>(repository::read(session, limits, count).await));
    let mut outcomes = Box::pin(validation.validated(read.buffered(limits.concurrency)));
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(Outcome::Whole(read)) => {
                kept_rows.keep(&read).await;
                read.into_iter()
                    .filter(|read| !kept_rows.knows(&read.repository.name))
                    .for_each(|read| parts.add(read));
            }
            Ok(Outcome::Partial(read, problem)) => {
                let name = &read.repository.name;
                kept_rows.forget(name).await;
                recount.tell(problem, name, failures, &mut errors);
                parts.add(read);
            }
            Ok(Outcome::TooLong(repository)) => {
                let mut rows = StoreSink { kept_rows, errors: &mut errors };
                let (_, problem) = repository::stream(session, limits, &repository, &mut rows).await;
                let whole = problem.as_ref().is_none_or(Problem::spares_kept_rows);
                let artifacts = kept_rows.end_stream(&repository, whole).await;
                recount.tell(problem, &repository.name, failures, &mut errors);
                if !kept_rows.knows(&repository.name) {
                    parts.add(ReadRepository { repository, artifacts, in_several_pages: true });
                }
            }
            Err(failure) => failures.add(Some(failure), &mut errors),
        }
        if kept_rows.row_store.is_none() || kept_rows.meta.off.is_some() || parts.rows > MAX_PART_ROWS {
            return Refreshed::ReadAll;
        }
    }
    drop(outcomes);
    recount.settle(session, limits, failures, &mut errors).await;
    // What could not be read, or not be kept, is missing from the kept rows, so that the next listing compares all marks. Counts
    // could not tell, where as many repositories were deleted.
    let complete = failures.are_none() && parts.repositories.is_empty();
    let unchanged = kept_rows.meta.complete == complete && kept_rows.meta.newest == newest;
    (kept_rows.meta.complete, kept_rows.meta.newest) = (complete, newest);
    let Some(row_store) = &kept_rows.row_store else { return Refreshed::ReadAll };
    let kept = match (unchanged && !row_store.is_dirty(), kept_rows.renews) {
        (true, false) => true,
        (true, true) => kept_rows.renew().await,
        (false, _) => kept_rows.finish().await,
    };
    if kept { Refreshed::Ready(parts.repositories, errors.0) } else { Refreshed::ReadAll }
}

/// Repositories that can't be kept, or were not read whole.
#[derive(Default)]
struct Parts {
    repositories: BTreeMap<RepositoryName, types::Repository>,
    rows: usize,
}

impl Parts {
    fn add(&mut self, ReadRepository { repository: RepositoryCount { name, .. }, artifacts, .. }: ReadRepository) {
        self.rows += artifacts.len();
        let rows = name.with(artifacts);
        self.repositories.insert(name, rows);
    }
}

/// Asks which repositories changed. `None` where the answer can't be trusted.
async fn marked<S: Store>(
    session: &Session<'_, impl Api>,
    limits: Limits,
    single: Option<&str>,
    kept_rows: &mut KeptRows<'_, S>,
) -> Option<Work> {
    let since = changed::beginning(Some(kept_rows.meta.newest?), kept_rows.meta.asked)?;
    let row_store = kept_rows.row_store.as_ref()?;
    let since = since.min(since_some_changes(row_store, limits.of_names().page_size / 2).unwrap_or(since));
    let Changed { repositories: listed, since } = Changed::ask(session, limits, single, since).await.ok()?;
    let updated = |count: &RepositoryCount| count.updated.and_then(Time::microseconds);
    if let Some(count) = listed.values().find(|count| updated(count).is_none_or(|updated| updated < since)) {
        let name = count.name.full_name();
        kept_rows.meta.off = Some(format!("asked for changes, Harbor gives {name}, which has not changed"));
        return None;
    }
    // Its repository was deleted, or Harbor's database was restored to an earlier state, which no later mark tells.
    let is_lacking =
        |name: &RepositoryName, kept: i64| listed.get(name).is_none_or(|count| updated(count) < Some(kept));
    let lacks = row_store.marks().any(|(name, mark)| mark.updated >= since && is_lacking(name, mark.updated));
    let newest = latest(listed.values());
    let mut read: Vec<RepositoryCount> = listed.into_values().filter(|count| !row_store.has(count)).collect();
    read.sort();
    Some(Work { read, gone: Vec::new(), newest, lacks })
}

/// The moment since which so many of the kept repositories changed, or fewer where there are no more. After Harbor's database was
/// restored to an earlier state, one push would hide that, if it were the only change that a refresh looks at. `None` where far more
/// have that very moment, as after an import: the request is for one page.
fn since_some_changes<S: Store>(row_store: &RowStore<'_, S>, some: usize) -> Option<i64> {
    let mut marks: Vec<i64> = row_store.marks().map(|(_, mark)| mark.updated).collect();
    let last = some.min(marks.len()).checked_sub(1)?;
    let (_, since, _) = marks.select_nth_unstable_by(last, |one, other| other.cmp(one));
    let since = since.div_euclid(1_000_000).saturating_mul(1_000_000);
    (marks.iter().filter(|mark| **mark >= since).count() <= some.saturating_mul(3) / 2).then_some(since)
}

/// How many repositories each project has. Of a project that the operator names, the first page of its repositories tells.
async fn counted(session: &Session<'_, impl Api>, limits: Limits, projects: &[Project]) -> Vec<Project> {
    let mut projects = projects.to_vec();
    if let [project] = &mut projects[..]
        && project.repo_count.is_none()
    {
        let first = session.get_early(endpoints::repositories(&project.name).page(limits.of_names(), 1)).await;
        project.repo_count = first.ok().and_then(|(total, _)| total);
    }
    projects
}

/// Whether nothing that is kept is gone, and each project has as many repositories as there will be kept.
fn adds_up<S: Store>(projects: &[Project], kept_rows: &KeptRows<'_, S>, work: &Work) -> bool {
    let Some(row_store) = kept_rows.row_store.as_ref().filter(|_| !work.lacks) else { return false };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let new = work.read.iter().map(|count| &count.name).filter(|name| !row_store.knows(name));
    for name in row_store.names().chain(new) {
        *counts.entry(&name.project).or_default() += 1;
    }
    let visible: BTreeSet<&str> = projects.iter().map(|project| project.name.as_str()).collect();
    let counted = |project: &Project| counts.get(project.name.as_str()).copied().unwrap_or_default();
    projects.iter().all(|project| project.repo_count == Some(counted(project)))
        && counts.keys().all(|project| visible.contains(project))
}

/// Compares the marks of all repositories with the kept ones.
async fn compared<S: Store>(
    session: &Session<'_, impl Api>,
    limits: Limits,
    projects: &[Project],
    kept_rows: &KeptRows<'_, S>,
) -> Option<Work> {
    let overviews = overview::read(session, limits, projects.to_vec(), None).await;
    let overviews = kept_rows.ask_the_emptied(session, limits, overviews).await;
    let row_store = kept_rows.row_store.as_ref()?;
    if !overviews.iter().all(ProjectOverview::is_whole) {
        return None;
    }
    // Only in a database that was restored to an earlier state do marks go back.
    if repositories(&overviews).any(|count| row_store.is_of_later(count)) {
        return None;
    }
    let listed: BTreeSet<&RepositoryName> = repositories(&overviews).map(|count| &count.name).collect();
    let gone = row_store.names().filter(|name| !listed.contains(name)).cloned().collect();
    let read = repositories(&overviews).filter(|count| !row_store.has(count)).cloned().collect();
    Some(Work { read, gone, newest: latest(repositories(&overviews)), lacks: false })
}

/// Takes the rows of a long repository for the store only.
struct StoreSink<'k, 's, S> {
    kept_rows: &'k mut KeptRows<'s, S>,
    errors: &'k mut CollectedErrors,
}

impl<S: Store> Sink for StoreSink<'_, '_, S> {
    async fn rows(&mut self, rows: Vec<types::Repository>) -> bool {
        rows.iter().for_each(|rows| self.kept_rows.take(&rows.artifacts));
        true
    }

    fn failed(&mut self, failure: types::Failure) {
        self.errors.failed(failure);
    }
}

/// Failures that are not passed on yet.
#[derive(Default)]
struct CollectedErrors(Vec<types::Failure>);

impl Sink for CollectedErrors {
    async fn rows(&mut self, _: Vec<types::Repository>) -> bool {
        true
    }

    fn failed(&mut self, failure: types::Failure) {
        self.0.push(failure);
    }
}
