//! The end of a listing: whether what Harbor counted and did not list has gone meanwhile, or is missing.

use super::endpoints;
use super::failures::{Failure, Failures, MissingCounts};
use super::overview::{Project, Repository};
use super::repository::Problem;
use crate::api::Api;
use crate::page::{Limits, parse_json};
use crate::paging::{self, Truncated, WholeList};
use crate::repository_name::RepositoryName;
use crate::sink::Sink;
use image_model::types::FailureCode;
use std::collections::BTreeMap;

/// What Harbor listed fewer of than it counted.
#[derive(Default)]
pub(super) struct Recount {
    /// Artifacts that it listed, by project and repository.
    repositories: BTreeMap<String, Vec<(RepositoryName, u64)>>,
    /// Repositories that it listed, by project.
    projects: Vec<(String, u64)>,
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
        match problem {
            Some(Problem::Failure(failure)) => failures.add(Some(failure), sink),
            Some(Problem::FewerThanCounted(listed)) => {
                self.repositories.entry(name.project.clone()).or_default().push((name.clone(), listed));
            }
            None => {}
        }
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
                let count = |_| MissingCounts { repositories: repositories.len() as u64, ..MissingCounts::default() };
                failures.add(Some(Failure::of_project(&project, truncated, count)), sink);
                continue;
            }
            for (name, listed) in repositories {
                let full_name = name.full_name();
                let row = rows.iter().find(|row| row.name == full_name);
                let counted = row.and_then(|row| u64::try_from(row.artifact_count?).ok());
                let is_gone = row.is_none() && all;
                if !is_gone && counted.is_none_or(|counted| counted > listed) {
                    let url = api.url(&endpoints::repository_artifacts(&name).path);
                    let counted = counted.map_or_else(|| "more".to_owned(), |counted| counted.to_string());
                    let message = format!(
                        "GET {url}: Harbor counts {counted} artifacts in this repository and listed {listed}, each time that \
                         it was asked; does a proxy in front of Harbor change paths (a slash in the name of a repository \
                         is %252F), or is Harbor's database in trouble?"
                    );
                    failures.add(Some(Failure::in_repository(&name, FailureCode::Inconsistent, message)), sink);
                }
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
