//! The plan of a listing: which lists are read, in which order rows leave, and what one failure costs.
//!
//! Three stages, each working ahead of the next by as many steps as there may be requests at a time:
//! projects -> what each project holds (all its rows, or its repositories) -> the rows of each repository.

mod failures;
mod lists;

use crate::api::{Api, Error, Kind};
use crate::artifact::{self, Artifact, InOneRepository, Name, Window};
use crate::config::Config;
use crate::paging::{self, Idle, Keyed, Page, Recent, Step, Stopped, Whole};
use crate::{Repository, SourceError};
use failures::{Failures, Loss, Unread, failure};
use futures::{StreamExt, join, stream};
use serde::Deserialize;

/// Where rows and failures go, in the order in which they are given.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Sink {
    /// Passes rows on, which are some; `false` when nobody wants more.
    async fn rows(&mut self, rows: Vec<Repository>) -> bool;

    /// Notes a failure.
    fn failed(&mut self, error: SourceError);
}

/// The bounds of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rows asked for at a time.
    pub(crate) page_size: usize,
    /// Requests under way at a time.
    pub(crate) concurrency: usize,
    /// Rows of one list that are held to be put in order; longer lists leave as they come.
    pub(crate) held_rows: usize,
}

impl Limits {
    /// For lists of names, which are held however long they are.
    fn of_names(self) -> Self {
        Self { held_rows: usize::MAX, ..self }
    }
}

/// A project of more artifacts is read repository by repository, a repository of more is streamed. Some 200 bytes each.
pub(crate) const HELD_ROWS: usize = 5_000;

/// Rows by which pushes may shift a streamed list while it is read.
const RECENT_ROWS: usize = 10_000;

/// Harbor has `/projects/{project}/artifacts` from this version on.
const PROJECT_ARTIFACTS_SINCE: (u32, u32) = (2, 12);

#[derive(Deserialize)]
struct SystemInfo {
    #[serde(default)]
    harbor_version: Option<String>,
}

#[derive(Deserialize)]
struct NamedProject {
    name: String,
}

impl Keyed for NamedProject {
    fn key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

#[derive(Deserialize)]
struct NamedRepository {
    name: String,
    /// Absent when zero in some versions.
    #[serde(default)]
    artifact_count: Option<i64>,
}

impl Keyed for NamedRepository {
    fn key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

/// What a project holds.
enum Project {
    Rows(Vec<Repository>, Option<Loss>),
    Repositories(Vec<Name>, Option<Loss>),
}

/// One step towards the answer.
enum Unit {
    Rows(Vec<Repository>),
    Repository(Name),
    Lost(Loss),
}

/// What a unit came to.
enum Outcome {
    Rows(Vec<Repository>, Option<Loss>),
    /// Too many rows to hold; they are given as they come when it is their turn.
    Long(Name),
}

/// Lists what the configuration names, all rows in order, each failure once.
pub async fn list(api: &impl Api, config: &Config, sink: &mut impl Sink) {
    let limits = Limits { page_size: config.page_size, concurrency: config.concurrency, held_rows: HELD_ROWS };
    Listing { api, limits }.run(config.project.as_deref(), sink).await;
}

struct Listing<'a, A> {
    api: &'a A,
    limits: Limits,
}

impl<A: Api> Listing<'_, A> {
    async fn run(&self, project: Option<&str>, sink: &mut impl Sink) {
        let mut failures = Failures::default();
        // Not at the first time: Harbor pauses at each request with a wrong password.
        let ahead = project.is_none() && self.api.was_logged_in();
        let (login, projects) = if ahead {
            let (login, projects) = join!(self.log_in(&mut failures, sink), self.projects());
            (login, Some(projects))
        } else {
            (self.log_in(&mut failures, sink).await, None)
        };
        let Some(whole_projects) = login else { return failures.end(sink) };
        let projects = match project {
            Some(project) => vec![project.to_owned()],
            None => {
                let (projects, loss) = match projects {
                    Some(projects) => projects,
                    None => self.projects().await,
                };
                failures.note(loss, sink);
                projects
            }
        };
        let units = stream::iter(projects)
            .map(|project| self.project(project, whole_projects))
            .buffered(self.limits.concurrency)
            .flat_map(|project| stream::iter(units(project)));
        let mut outcomes = Box::pin(units.map(|unit| self.unit(unit)).buffered(self.limits.concurrency));
        while let Some(outcome) = outcomes.next().await {
            let wanted = match outcome {
                Outcome::Rows(rows, loss) => {
                    failures.note(loss, sink);
                    give(sink, rows).await
                }
                Outcome::Long(repository) => {
                    let (wanted, loss) = self.long_repository(&repository, sink).await;
                    failures.note(loss, sink);
                    wanted
                }
            };
            if !wanted {
                return;
            }
        }
        failures.end(sink);
    }

    /// Finds out whether the login counts and whether whole projects can be listed; `None` when there is no point in
    /// going on.
    ///
    /// Harbor answers a wrong password as it answers nobody: with less. Only the version that it tells those who are
    /// logged in gives it away.
    async fn log_in(&self, failures: &mut Failures, sink: &mut impl Sink) -> Option<bool> {
        let path = "/systeminfo".to_owned();
        let url = self.api.url(&path);
        self.api.note_login(false);
        let error = match self.api.get(path).await {
            Ok(reply) => match paging::parse::<SystemInfo>(&reply) {
                Ok(SystemInfo { harbor_version: Some(version) }) => {
                    self.api.note_login(true);
                    return Some(release(&version).is_some_and(|release| release >= PROJECT_ARTIFACTS_SINCE));
                }
                Ok(SystemInfo { harbor_version: None }) => {
                    sink.failed(failure(format!(
                        "Harbor refused the login: GET {url} answered without harbor_version, as it does to a wrong user \
                         or password. Check both; only public projects are listed"
                    )));
                    self.api.go_anonymous();
                    return Some(false);
                }
                Err(what) => Error { url, kind: Kind::Unreadable(what) },
            },
            Err(error) => error,
        };
        // A server error on this one page says nothing about the others.
        let go_on = error.status().is_some_and(|status| status >= 500);
        let loss = match error.ended() {
            Some(why) => Loss::Unread(why, Unread { uncounted: true, ..Unread::default() }),
            None => Loss::Said(failure(error.to_string())),
        };
        failures.note(Some(loss), sink);
        go_on.then_some(false)
    }

    /// All projects that the user sees, by name.
    async fn projects(&self) -> (Vec<String>, Option<Loss>) {
        let list = lists::projects();
        let read = paging::whole::<NamedProject>(self.api, &list, self.limits.of_names());
        let Whole::Read(projects, stopped) = read.await else { return (Vec::new(), None) };
        let mut projects: Vec<String> = projects.into_iter().map(|project| project.name).collect();
        projects.sort();
        (projects, stopped.map(Loss::of_projects))
    }

    /// One project's rows, where Harbor can list them at once and they are few enough to be put in order here; else its
    /// repositories.
    async fn project(&self, project: String, whole: bool) -> Project {
        if !lists::can_be_asked_for(&project) {
            return Project::Rows(Vec::new(), Some(Loss::Said(failure(lists::odd_name("project", &project)))));
        }
        if whole && let Some(rows) = self.whole_project(&project).await {
            return rows;
        }
        let list = lists::repositories(&project);
        let read = paging::whole::<NamedRepository>(self.api, &list, self.limits.of_names());
        let Whole::Read(repositories, stopped) = read.await else { return Project::Rows(Vec::new(), None) };
        let mut repositories: Vec<Name> = repositories
            .into_iter()
            .filter(|repository| repository.artifact_count != Some(0))
            .map(|repository| Name::new(&project, &repository.name))
            .collect();
        repositories.sort();
        let count = |repositories| Unread { repositories, ..Unread::default() };
        Project::Repositories(repositories, stopped.map(|stopped| Loss::of_project(&project, stopped, count)))
    }

    /// `None` where the project has to be read repository by repository.
    async fn whole_project(&self, project: &str) -> Option<Project> {
        let list = lists::artifacts_in(project);
        let read = paging::whole::<Artifact>(self.api, &list, self.limits);
        let Whole::Read(artifacts, stopped) = read.await else { return None };
        // Some installations hide this endpoint; where the project itself is missing, its repositories will tell.
        let status = stopped.as_ref().and_then(|stopped| stopped.error.status());
        if artifacts.is_empty() && matches!(status, Some(403..=405)) {
            return None;
        }
        let rows = artifact::ordered_by_repository(project, artifacts)?;
        let count = |artifacts| Unread { artifacts, ..Unread::default() };
        Some(Project::Rows(rows, stopped.map(|stopped| Loss::of_project(project, stopped, count))))
    }

    async fn unit(&self, unit: Unit) -> Outcome {
        match unit {
            Unit::Rows(rows) => Outcome::Rows(rows, None),
            Unit::Lost(loss) => Outcome::Rows(Vec::new(), Some(loss)),
            Unit::Repository(repository) if !lists::can_be_asked_for(&repository.name) => {
                let error = SourceError {
                    repository: Some(repository.full_name()),
                    message: lists::odd_name("repository", &repository.name),
                };
                Outcome::Rows(Vec::new(), Some(Loss::Said(error)))
            }
            Unit::Repository(repository) => {
                let list = lists::artifacts_of(&repository);
                match paging::whole::<InOneRepository>(self.api, &list, self.limits).await {
                    Whole::TooLong => Outcome::Long(repository),
                    Whole::Read(artifacts, stopped) => {
                        let artifacts = artifacts.into_iter().map(|InOneRepository(artifact)| artifact).collect();
                        let rows = artifact::ordered(&repository, artifacts).into_iter().collect();
                        Outcome::Rows(rows, stopped.map(|stopped| Loss::of_repository(&repository, stopped)))
                    }
                }
            }
        }
    }

    /// Streams a repository that is too long to be held. Says whether more rows are wanted, and what failed.
    async fn long_repository(&self, repository: &Name, sink: &mut impl Sink) -> (bool, Option<Loss>) {
        let list = lists::artifacts_of(repository);
        let mut window = Window::new(2 * self.limits.page_size);
        let mut recent = Recent::new(RECENT_ROWS);
        let (mut wanted, mut idle) = (true, Idle::default());
        let (mut total, mut read) = (None, 0);
        let outcome = match paging::ask(self.api, &list, self.limits, 1).await {
            Err(error) => Err(error),
            Ok(first) => {
                paging::each(self.api, &list, self.limits, first, async |page: Page<Artifact>| {
                    total = page.total.or(total);
                    let new: Vec<Artifact> =
                        page.items.into_iter().filter(|artifact| recent.insert(artifact.digest.clone())).collect();
                    let count = new.len();
                    read += count;
                    wanted = give(sink, window.push(repository, new)).await;
                    if wanted { idle.step(count, read) } else { Step::Stop }
                })
                .await
            }
        };
        wanted = wanted && give(sink, window.drain(repository)).await;
        let error = outcome.err().or_else(|| idle.failure(self.api, &list));
        (wanted, error.map(|error| Loss::of_repository(repository, Stopped::after(error, total, read))))
    }
}

async fn give(sink: &mut impl Sink, rows: impl IntoIterator<Item = Repository>) -> bool {
    let rows: Vec<Repository> = rows.into_iter().collect();
    rows.is_empty() || sink.rows(rows).await
}

/// The steps that a project comes to.
fn units(project: Project) -> Vec<Unit> {
    let (mut units, loss) = match project {
        Project::Rows(rows, loss) => (vec![Unit::Rows(rows)], loss),
        Project::Repositories(repositories, loss) => {
            (repositories.into_iter().map(Unit::Repository).collect::<Vec<_>>(), loss)
        }
    };
    units.extend(loss.map(Unit::Lost));
    units
}

/// Major and minor of `v2.12.0-9da38ae0`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests;
