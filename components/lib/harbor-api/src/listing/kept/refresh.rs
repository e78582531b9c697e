//! Reads what changed since the last listing.

use super::{Keeping, latest, repositories};
use crate::api::Api;
use crate::listing::endpoints;
use crate::listing::failures::Failures;
use crate::listing::overview::{self, Project, ProjectOverview, Repository, RepositoryCount};
use crate::listing::recount::Recount;
use crate::listing::repository::{self, Outcome, ReadRepository};
use crate::page::Limits;
use crate::paging::{self, WholeList};
use crate::repository_name::RepositoryName;
use crate::session::Session;
use crate::sink::Sink;
use crate::store::Store;
use futures::{StreamExt, stream};
use image_model::types::{HarborImage, HarborRepository, SourceError};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;

/// How long before the latest mark a refresh begins. Harbor sets a mark before the change can be seen, and a push may wait
/// minutes for its quota between the two (goharbor/harbor#23789).
const OVERLAP_MICROSECONDS: i64 = 600 * 1_000_000;

/// Most rows of repositories that can't be kept or were not read whole. They are in memory until it is their turn.
const MAX_PART_ROWS: usize = 50_000;

/// What a refresh came to.
pub(in crate::listing) enum Refreshed {
    /// The store has the rows of all repositories, but of these, which can't be kept, or of which some rows were read. The failures
    /// are told here only, as a listing that reads all finds them again.
    Ready(BTreeMap<RepositoryName, HarborRepository>, Vec<SourceError>),
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
    keeping: &mut Keeping<'_, S>,
    failures: &mut Failures,
) -> Refreshed {
    let marked = match keeping.meta.complete {
        true => match marked(session, limits, single, keeping).await {
            Some(work) => Some(work),
            None => return Refreshed::ReadAll,
        },
        false => None,
    };
    let work = match marked {
        Some(work) if adds_up(&counted(session, limits, projects).await, keeping, &work) => Some(work),
        // Something was deleted, or became visible, or the last listing did not come to its end.
        _ => compared(session, limits, projects, keeping).await,
    };
    let Some(Work { read, gone, newest, .. }) = work else { return Refreshed::ReadAll };
    let (mut parts, mut told) = (Parts::default(), Told::default());
    for name in &gone {
        keeping.forget(name).await;
    }
    let mut recount = Recount::default();
    let mut outcomes =
        Box::pin(stream::iter(read).map(|count| repository::read(session, limits, count)).buffered(limits.concurrency));
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Outcome::Whole(read) => {
                keeping.keep(&read).await;
                let unkept = read.into_iter().filter(|read| !keeping.knows(&read.repository.name));
                unkept.for_each(|ReadRepository { repository, images }| parts.add(repository.name, images));
            }
            Outcome::Part(rows, problem) => {
                let name = RepositoryName { project: rows.project.clone(), name: rows.name.clone() };
                keeping.forget(&name).await;
                recount.tell(problem, &name, failures, &mut told);
                parts.add(name, rows.images);
            }
            Outcome::TooLong(repository) => {
                let mut rows = Rows { keeping, told: &mut told };
                let (_, problem) = repository::stream(session, limits, &repository, &mut rows).await;
                let images = keeping.end_stream(&repository, problem.is_none()).await;
                recount.tell(problem, &repository.name, failures, &mut told);
                if !keeping.knows(&repository.name) {
                    parts.add(repository.name, images);
                }
            }
        }
        if keeping.keeper.is_none() || keeping.meta.off.is_some() || parts.rows > MAX_PART_ROWS {
            return Refreshed::ReadAll;
        }
    }
    drop(outcomes);
    recount.settle(session, limits, failures, &mut told).await;
    // What could not be read, or not be kept, is missing from the kept rows, so that the next listing compares all marks. Counts
    // could not tell, where as many repositories were deleted.
    let complete = failures.are_none() && parts.repositories.is_empty();
    let newest = newest.max(keeping.meta.newest);
    let unchanged = keeping.meta.complete == complete && keeping.meta.newest == newest;
    (keeping.meta.complete, keeping.meta.newest) = (complete, newest);
    let Some(keeper) = &keeping.keeper else { return Refreshed::ReadAll };
    match (unchanged && !keeper.is_dirty()) || keeping.finish().await {
        true => Refreshed::Ready(parts.repositories, told.0),
        false => Refreshed::ReadAll,
    }
}

/// Repositories that can't be kept, or were not read whole.
#[derive(Default)]
struct Parts {
    repositories: BTreeMap<RepositoryName, HarborRepository>,
    rows: usize,
}

impl Parts {
    fn add(&mut self, name: RepositoryName, images: Vec<HarborImage>) {
        self.rows += images.len();
        let repository = HarborRepository { project: name.project.clone(), name: name.name.clone(), images };
        self.repositories.insert(name, repository);
    }
}

/// Asks which repositories changed. `None` where the answer can't be trusted.
async fn marked<S: Store>(
    session: &Session<'_, impl Api>,
    limits: Limits,
    single: Option<&str>,
    keeping: &mut Keeping<'_, S>,
) -> Option<Work> {
    let newest = keeping.meta.newest?;
    // A mark in the future would hide all changes until then.
    let since = keeping.meta.asked.map_or(newest, |asked| newest.min(asked)).saturating_sub(OVERLAP_MICROSECONDS);
    let list = endpoints::changed_repositories(single, &timestamp(since)?);
    let WholeList::Rows(rows, None) = paging::read_all::<Repository>(session, &list, limits.of_names()).await else {
        return None;
    };
    // Harbor cuts the moment to the second.
    let second = since.div_euclid(1_000_000).saturating_mul(1_000_000);
    let updated = |row: &Repository| row.update_time.and_then(|time| time.microseconds());
    if let Some(row) = rows.iter().find(|row| updated(row).is_none_or(|updated| updated < second)) {
        let name = &row.name;
        keeping.meta.off = Some(format!("asked for changes, Harbor gives {name}, which has not changed"));
        return None;
    }
    let keeper = keeping.keeper.as_ref()?;
    let listed: BTreeMap<&str, Option<i64>> = rows.iter().map(|row| (row.name.as_str(), updated(row))).collect();
    // Its repository was deleted, or Harbor's database was restored to an earlier state, which no later mark tells.
    let is_lacking = |name: &RepositoryName, kept: i64| {
        listed.get(name.full_name().as_str()).is_none_or(|updated| *updated < Some(kept))
    };
    let lacks = keeper.marks().any(|(name, mark)| mark.updated >= second && is_lacking(name, mark.updated));
    let count = |row: &Repository| {
        let project = row.name.split_once('/').map_or("", |(project, _)| project);
        RepositoryCount::new(project, row)
    };
    let counts: Vec<RepositoryCount> = rows.iter().map(count).collect();
    let newest = latest(counts.iter());
    let mut read: Vec<RepositoryCount> = counts.into_iter().filter(|count| !keeper.has(count)).collect();
    read.sort();
    Some(Work { read, gone: Vec::new(), newest, lacks })
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
fn adds_up<S: Store>(projects: &[Project], keeping: &Keeping<'_, S>, work: &Work) -> bool {
    let Some(keeper) = keeping.keeper.as_ref().filter(|_| !work.lacks) else { return false };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let new = work.read.iter().map(|count| &count.name).filter(|name| !keeper.knows(name));
    for name in keeper.names().chain(new) {
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
    keeping: &Keeping<'_, S>,
) -> Option<Work> {
    let overviews = overview::read(session, limits, projects.to_vec()).await;
    let keeper = keeping.keeper.as_ref()?;
    if !overviews.iter().all(ProjectOverview::is_whole) {
        return None;
    }
    // Only in a database that was restored to an earlier state do marks go back.
    if repositories(&overviews).any(|count| keeper.is_of_later(count)) {
        return None;
    }
    let listed: BTreeSet<&RepositoryName> = repositories(&overviews).map(|count| &count.name).collect();
    let gone = keeper.names().filter(|name| !listed.contains(name)).cloned().collect();
    let read = repositories(&overviews).filter(|count| !keeper.has(count)).cloned().collect();
    Some(Work { read, gone, newest: latest(repositories(&overviews)), lacks: false })
}

/// A moment as Harbor's filter takes it: UTC, without a zone.
fn timestamp(microseconds: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(microseconds.div_euclid(1_000_000)).ok()?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    Some(format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month)))
}

/// Takes the rows of a long repository for the store only.
struct Rows<'k, 's, S> {
    keeping: &'k mut Keeping<'s, S>,
    told: &'k mut Told,
}

impl<S: Store> Sink for Rows<'_, '_, S> {
    async fn rows(&mut self, rows: Vec<HarborRepository>) -> bool {
        rows.iter().for_each(|rows| self.keeping.take(&rows.images));
        true
    }

    fn failed(&mut self, error: SourceError) {
        self.told.failed(error);
    }
}

/// Failures that are not passed on yet.
#[derive(Default)]
struct Told(Vec<SourceError>);

impl Sink for Told {
    async fn rows(&mut self, _: Vec<HarborRepository>) -> bool {
        true
    }

    fn failed(&mut self, error: SourceError) {
        self.0.push(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_and_without_a_zone() {
        assert_eq!(timestamp(1_795_655_133_999_999).as_deref(), Some("2026-11-26T01:05:33"));
        assert_eq!(timestamp(-1).as_deref(), Some("1969-12-31T23:59:59"));
        assert_eq!(timestamp(i64::MAX), None);
    }
}
