//! The cheaper of two access paths (a database's word) to the artifacts of a project: its own list, or the lists of its
//! repositories, one by one.
//!
//! For a page of a project's list, Harbor reads its whole table of artifacts (goharbor/harbor has no index on the project), so
//! that the page costs more the more artifacts there are in all. A page of a repository's list costs the same in a large
//! registry as in a small one, but there are more of them. A login with a password adds 100 ms to each request of either kind.
//! So neither path is the cheaper one everywhere: the listing measures pages of both, and counts them.

use super::endpoints;
use super::login::Harbor;
use super::overview::{ProjectOverview, RepositoryCount};
use crate::api::{Api, Experience};
use crate::costs::Costs;
use crate::page::{Limits, List};
use crate::session::Session;
use std::time::Duration;

/// Requests that a listing must be able to save by the lists of projects before it measures what they cost. With fewer, the
/// lists of repositories are never much dearer.
const WORTH_MEASURING: u64 = 8;
/// Requests to save from which on the listing measures again what earlier listings measured.
const WORTH_MEASURING_AGAIN: u64 = 64;
/// Pages of repositories to measure. The quickest one counts, as others may have waited for something else.
const SAMPLES: usize = 2;
/// A page that costs more, in seconds, tells enough: most of it is the login, which costs the same each time.
const SURE: f64 = 0.05;
/// The part of the quickest request so far that a page of a repository costs for certain: that request may have made a connection.
const LEAST: f64 = 0.5;
/// What a row adds to the time of a page, on either path: 0.3 ms on Harbor 2.16, which asks its database three times a row.
const ROW: f64 = 0.0003;
/// No page costs less, in seconds.
const MIN_PAGE: f64 = 0.0001;

/// How a listing reads the artifacts of projects.
#[derive(Clone, Copy)]
pub(super) struct AccessPaths {
    /// `None` where only the lists of repositories are worth a thought.
    costs: Option<Costs>,
    limits: Limits,
}

impl AccessPaths {
    /// Finds out what each path costs, if that may matter.
    pub(super) async fn learn(
        session: &Session<'_, impl Api>,
        limits: Limits,
        harbor: &Harbor,
        overviews: &[ProjectOverview],
    ) -> Self {
        if !harbor.project_lists {
            return Self { costs: None, limits };
        }
        let recalled = session.recall().costs;
        let saved = |repositories: &[RepositoryCount]| Pages::of(repositories, limits).saved();
        let known = || overviews.iter().filter_map(|overview| overview.repositories.as_deref());
        let all_saved = known().fold(0_u64, |sum, repositories| sum.saturating_add(saved(repositories)));
        let worth = if recalled.is_some() { WORTH_MEASURING_AGAIN } else { WORTH_MEASURING };
        let largest = known().max_by_key(|repositories| saved(repositories)).filter(|_| all_saved >= worth);
        let costs = match largest {
            Some(largest) => {
                let worth_it =
                    known().map(|repositories| Pages::of(repositories, limits)).filter(|pages| pages.saved() > 0);
                measure(session, limits, largest, &worth_it.collect::<Vec<_>>()).await
            }
            None => None,
        };
        // One measurement may be off, so that the experience of earlier listings counts as much.
        let costs = match (recalled, costs) {
            (Some(before), Some(now)) => Some(before.mean(now)),
            (before, now) => now.or(before),
        };
        session.remember(Experience { costs, ..session.recall() });
        Self { costs, limits }
    }

    /// Whether the project's own list is the cheaper path to the artifacts of these repositories.
    pub(super) fn by_project(&self, repositories: &[RepositoryCount]) -> bool {
        let pages = Pages::of(repositories, self.limits);
        pages.saved() > 0 && self.costs.is_some_and(|costs| pages.by_project(costs))
    }
}

/// How many pages there are on each path.
struct Pages {
    /// Whether the artifacts of the project can be sorted in memory.
    fits: bool,
    project: u64,
    repositories: u64,
}

impl Pages {
    fn of(repositories: &[RepositoryCount], limits: Limits) -> Self {
        let size = limits.page_size as u64;
        let counts = || repositories.iter().map(|repository| repository.artifacts.unwrap_or(1));
        let artifacts = counts().fold(0_u64, u64::saturating_add);
        Self {
            fits: artifacts <= limits.buffered_rows as u64,
            project: artifacts.div_ceil(size),
            repositories: counts().map(|count| count.div_ceil(size)).fold(0_u64, u64::saturating_add),
        }
    }

    /// Requests that the list of the project saves.
    fn saved(&self) -> u64 {
        if self.fits { self.repositories.saturating_sub(self.project) } else { 0 }
    }

    /// Whether the project's own list is cheaper at these costs.
    fn by_project(&self, costs: Costs) -> bool {
        (self.project as f64) * costs.project_page < self.repositories as f64 * costs.repository_page
    }
}

/// Measures a page of each path, with nothing else under way. The listing uses the pages later, so the path that is more likely
/// the cheaper one comes first: where it is the cheaper one for all these `pages`, whatever the other costs, that is enough.
async fn measure(
    session: &Session<'_, impl Api>,
    limits: Limits,
    repositories: &[RepositoryCount],
    pages: &[Pages],
) -> Option<Costs> {
    let page = async |list: List, rows: u64| -> Option<f64> {
        let (_, taken): (_, Duration) = session.get_early(list.page(limits, 1)).await.ok()?;
        Some((taken.as_secs_f64() - rows.min(limits.page_size as u64) as f64 * ROW).max(MIN_PAGE))
    };
    let project = &repositories.first()?.name.project;
    let rows = repositories.iter().filter_map(|repository| repository.artifacts).fold(0_u64, u64::saturating_add);
    let project_page = page(endpoints::project_artifacts(project), rows).await?;
    // A page of a repository costs more than the cheapest request so far, which is nearly all login.
    let least = session.quickest().as_secs_f64();
    let is_cheaper = |pages: &Pages| pages.by_project(Costs { project_page, repository_page: least * LEAST });
    if pages.iter().all(is_cheaper) {
        return Some(Costs { project_page, repository_page: least });
    }
    let mut repository_page = f64::INFINITY;
    for repository in repositories.iter().filter(|repository| repository.artifacts != Some(0)).take(SAMPLES) {
        let rows = repository.artifacts.unwrap_or_default();
        repository_page = page(endpoints::repository_artifacts(&repository.name), rows).await?.min(repository_page);
        if repository_page > SURE {
            break;
        }
    }
    Some(Costs { project_page, repository_page })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository_name::RepositoryName;
    use image_model::types::Detail;

    fn project(repositories: u64, artifacts: u64) -> Vec<RepositoryCount> {
        let name = |number| RepositoryName { project: "p".to_owned(), name: format!("r{number}") };
        (0..repositories)
            .map(|number| RepositoryCount { name: name(number), artifacts: Some(artifacts), updated: None })
            .collect()
    }

    fn by_project(project_page: f64, repository_page: f64, repositories: &[RepositoryCount]) -> bool {
        let limits = Limits {
            page_size: 100,
            concurrency: 8,
            buffered_rows: 5_000,
            buffered_bytes: 4 << 20,
            believes_totals: true,
            detail: Detail::Tags,
            changed_since: None,
        };
        AccessPaths { costs: Some(Costs { project_page, repository_page }), limits }.by_project(repositories)
    }

    /// The costs of a robot at 100,000 artifacts, and of a user with a password, as measured on Harbor 2.16.
    const ROBOT: (f64, f64) = (0.070, 0.005);
    const PASSWORD: (f64, f64) = (0.170, 0.105);

    #[test]
    fn the_cheaper_road_depends_on_the_pages_of_both_and_on_the_login() {
        assert!(!by_project(ROBOT.0, ROBOT.1, &project(100, 50)), "50 pages of 70 ms against 100 of 5");
        assert!(by_project(PASSWORD.0, PASSWORD.1, &project(100, 50)), "50 pages of 170 ms against 100 of 105");
        assert!(by_project(0.006, 0.005, &project(5, 1)), "one page against five");
        assert!(!by_project(ROBOT.0, ROBOT.1, &project(10, 1_000)), "as many pages");
    }

    #[test]
    fn a_project_with_more_artifacts_than_can_be_sorted_is_read_by_repository() {
        assert!(!by_project(0.001, 1.0, &project(5_001, 1)));
        assert!(by_project(0.001, 1.0, &project(5_000, 1)));
    }
}
