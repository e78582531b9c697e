//! The cheapest way to list all artifacts, computed from what Harbor holds and from what requests cost.

use super::account::Caller;
use super::contents::Contents;
use super::cost::{LoginKind, RequestKind, cost};
use super::project::Project;
use super::repository::Repository;
use std::time::Duration;

/// Rows of a full page.
const PAGE: usize = 100;

/// How the repositories of projects that are read by repository are found out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Overview {
    /// One list of all repositories.
    All,
    /// The lists of those projects.
    OfProjects,
}

/// A plan of a listing for this caller.
struct Plan<'a> {
    contents: &'a Contents,
    caller: &'a Caller,
    artifacts: usize,
}

/// What kind of login a caller has.
pub(super) fn login(caller: &Caller) -> LoginKind {
    match caller.role() {
        None => LoginKind::Nobody,
        Some(_) if caller.is_robot() => LoginKind::Robot,
        Some(_) => LoginKind::User,
    }
}

/// Time of Harbor's processors for the cheapest listing of all that this caller sees: `/systeminfo`, the projects, the
/// repositories where they are needed, and for each project the cheaper of its own list and of its repositories one by one.
/// What is empty is not asked.
pub(super) fn cheapest(contents: &Contents, caller: &Caller) -> Duration {
    let plan = Plan { contents, caller, artifacts: contents.artifact_count() };
    let sees = |project: &&Project| project.public || caller.may_see(&project.name);
    let projects: Vec<&Project> = contents.projects.values().filter(sees).collect();
    let overviews = [Overview::All, Overview::OfProjects].into_iter().filter(|overview| {
        *overview == Overview::OfProjects || !caller.is_robot() || contents.version.shows_robots_private_repositories()
    });
    let fixed = plan.pages(RequestKind::Info, 1) + plan.pages(RequestKind::Projects, projects.len());
    let rest = overviews.map(|overview| plan.rest(&projects, overview)).min();
    fixed + rest.unwrap_or_default()
}

impl Plan<'_> {
    fn rest(&self, projects: &[&Project], overview: Overview) -> Duration {
        let mut time = Duration::ZERO;
        let mut all = 0;
        for project in projects {
            let repositories: Vec<&Repository> = self.contents.repositories_of(&project.name).collect();
            let counts = repositories.iter().map(|repository| repository.count());
            all += repositories.len();
            let mut by_repository: Duration =
                counts.clone().map(|count| self.pages(RequestKind::ArtifactsOfRepository, count)).sum();
            if overview == Overview::OfProjects {
                by_repository += self.pages(RequestKind::RepositoriesOfProject, repositories.len());
            }
            let can_list = self.contents.version.lists_projects() && self.caller.role().is_some();
            let whole = can_list.then(|| self.pages(RequestKind::ArtifactsOfProject, counts.sum()));
            time += whole.map_or(by_repository, |whole| whole.min(by_repository));
        }
        if overview == Overview::All {
            time += self.pages(RequestKind::Repositories, all);
        }
        time
    }

    /// What all pages of a list with so many rows cost.
    fn pages(&self, kind: RequestKind, rows: usize) -> Duration {
        let page = |rows| cost(self.contents.version, kind, login(self.caller), self.artifacts, rows);
        let full = u32::try_from(rows / PAGE).unwrap_or(u32::MAX);
        let last = match rows % PAGE {
            0 => Duration::ZERO,
            rest => page(rest),
        };
        page(PAGE) * full + last
    }
}
