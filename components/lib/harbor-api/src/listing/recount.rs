//! The end of a listing: whether what Harbor counted and did not list has gone meanwhile, or is missing.

use super::endpoints;
use super::failures::{Failure, Failures, MissingCounts};
use super::itself;
use super::overview::{Project, Repository, RepositoryCount};
use super::repository::Problem;
use crate::api::Api;
use crate::artifact::RepositoryArtifact;
use crate::error::Error;
use crate::page::{Limits, Page, parse_json};
use crate::paging::{self, Truncated, WholeList};
use crate::repository_name::RepositoryName;
use crate::sink::Sink;
use image_model::types::FailureCode;
use std::collections::BTreeMap;

/// What Harbor listed fewer of than it counted.
#[derive(Default)]
pub(super) struct Recount {
    /// Repositories that may be gone, by project.
    repositories: BTreeMap<String, Vec<(RepositoryName, Doubt)>>,
    /// Repositories that it listed, by project.
    projects: Vec<(String, u64)>,
}

/// Why a repository may be gone.
enum Doubt {
    /// Harbor listed only so many artifacts.
    FewerThanCounted(u64),
    /// Harbor says that there is none; otherwise this is the failure.
    Absent(Failure),
}

impl Recount {
    /// Passes on what went wrong with a repository, unless that is only certain when Harbor has counted again.
    pub(super) fn tell(
        &mut self,
        problem: Option<Problem>,
        name: &RepositoryName,
        failures: &mut Failures,
        sink: &mut impl Sink,
    ) {
        let doubt = match problem {
            None => return,
            Some(Problem::Failure(failure) | Problem::Changed(failure)) => return failures.add(Some(failure), sink),
            Some(Problem::FewerThanCounted(listed)) => Doubt::FewerThanCounted(listed),
            Some(Problem::Absent(failure)) => Doubt::Absent(failure),
        };
        self.repositories.entry(name.project.clone()).or_default().push((name.clone(), doubt));
    }

    /// Adds a project of which Harbor listed only so many repositories.
    pub(super) fn add_project(&mut self, name: String, listed: u64) {
        self.projects.push((name, listed));
    }

    /// Counts again, and reports what is missing still.
    pub(super) async fn settle(self, api: &impl Api, limits: Limits, failures: &mut Failures, sink: &mut impl Sink) {
        for (project, repositories) in self.repositories {
            let list = endpoints::repositories(&project);
            // Where there are more names than are read, a repository that is not among them may be there still.
            let (rows, truncated, all) = match paging::read_all::<Repository>(api, &list, limits.of_names()).await {
                WholeList::Rows(rows, truncated) => (rows, truncated, true),
                WholeList::TooLong(rows) => (rows, None, false),
            };
            if let Some(truncated) = truncated {
                // The project is gone with them.
                if truncated.error.absent() == Some(project.as_str()) {
                    continue;
                }
                let mut uncounted = 0_u64;
                for (_, doubt) in repositories {
                    match doubt {
                        Doubt::FewerThanCounted(_) => uncounted = uncounted.saturating_add(1),
                        Doubt::Absent(failure) => failures.add(Some(failure), sink),
                    }
                }
                if uncounted > 0 {
                    let count = |_| MissingCounts { repositories: uncounted, ..MissingCounts::default() };
                    failures.add(Some(Failure::of_project(&project, truncated, count)), sink);
                }
                continue;
            }
            for (name, doubt) in repositories {
                let full_name = name.full_name();
                let row = rows.iter().find(|row| row.name == full_name);
                let listed_now = row.map(|row| Now::There(RepositoryCount::new(&project, row).artifacts));
                let failure = match doubt {
                    Doubt::Absent(failure) => (listed_now.is_some() || !all).then_some(failure),
                    Doubt::FewerThanCounted(listed) => {
                        let now = match listed_now {
                            Some(now) => Ok(now),
                            None if all => now(api, limits, &name).await,
                            None => Ok(Now::There(None)),
                        };
                        match now {
                            Ok(Now::Gone) => None,
                            Ok(Now::There(counted)) => fewer(api, &name, listed, counted),
                            Err(error) => Some(Failure::of_repository(&name, Truncated { error, missing: None })),
                        }
                    }
                };
                failures.add(failure, sink);
            }
        }
        for (name, listed) in self.projects {
            let path = endpoints::project(&name);
            let url = api.url(&path);
            let reported =
                |code, what: String| Some(Failure::in_project(&name, code, format!("project {name}: {what}")));
            let failure = match api.get(path, |reply| parse_json::<Project>(&reply)).await {
                // It was deleted meanwhile.
                Err(error) if matches!(error.status(), Some(403 | 404)) => None,
                Err(error) => {
                    let truncated = Truncated { error, missing: None };
                    Some(Failure::of_project(&name, truncated, |_| MissingCounts::default()))
                }
                Ok(Err(what)) => reported(FailureCode::Malformed, format!("GET {url}: {what}")),
                Ok(Ok(project)) => project.repo_count.filter(|counted| *counted > listed).and_then(|counted| {
                    reported(FailureCode::Inconsistent, format!(
                        "GET {url}: Harbor counts {counted} repositories in this project and listed {listed}, each time that \
                         it was asked; may the user read all of them, and is Harbor's database well?"
                    ))
                }),
            };
            failures.add(failure, sink);
        }
    }
}

/// What became of a repository.
enum Now {
    Gone,
    /// Harbor counts so many artifacts in it; `None` where it does not say.
    There(Option<u64>),
}

/// What became of a repository that is not in the list of its project. A list may be short, so the repository itself is asked
/// for. The user may be allowed to read lists only: then Harbor has to list none of its artifacts.
async fn now(api: &impl Api, limits: Limits, name: &RepositoryName) -> Result<Now, Error> {
    match itself::ask(api, name).await {
        Ok(None) => Ok(Now::Gone),
        Ok(Some(repository)) => Ok(Now::There(repository.artifacts)),
        Err(error) if matches!(error.status(), Some(401 | 403)) => {
            let list = endpoints::repository_artifacts(name);
            match Page::<RepositoryArtifact>::get(api, &list, limits, 1).await {
                Ok(page) if page.items.is_empty() && page.total.is_none_or(|total| total == 0) => Ok(Now::Gone),
                Ok(_) => Ok(Now::There(None)),
                Err(error) if itself::is_absent(&error) => Ok(Now::Gone),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// The failure where Harbor counts more artifacts in a repository than it listed, or does not say how many.
fn fewer(api: &impl Api, name: &RepositoryName, listed: u64, counted: Option<u64>) -> Option<Failure> {
    if counted.is_some_and(|counted| counted <= listed) {
        return None;
    }
    let url = api.url(&endpoints::repository_artifacts(name).path);
    let counted = counted.map_or_else(|| "more".to_owned(), |counted| counted.to_string());
    let message = format!(
        "GET {url}: Harbor counts {counted} artifacts in this repository and listed {listed}, each time that \
         it was asked; does a proxy in front of Harbor change paths (a slash in the name of a repository \
         is %252F), or is Harbor's database in trouble?"
    );
    Some(Failure::in_repository(name, FailureCode::Inconsistent, message))
}
