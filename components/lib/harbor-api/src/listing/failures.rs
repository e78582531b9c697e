//! Which rows a failure costs, and how the listing reports it: each failure once, and all cancelled requests as one failure.

use crate::error::{CancelReason, Error};
use crate::paging::Truncated;
use crate::repository_name::RepositoryName;
use crate::sink::Sink;
use image_model::setting;
use image_model::types::{self, FailureCode};
use std::collections::BTreeSet;

/// Most failures that a listing reports one by one. The others are counted.
const MAX_REPORTED: u64 = 1_000;

/// Why rows are missing.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    affected: Affected,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Cause {
    /// A failure of its own.
    Reported(types::Failure),
    /// The listing sends no more requests, so that this much is missing.
    Cancelled(CancelReason, MissingCounts),
}

/// Whose rows may be missing.
#[derive(Debug)]
enum Affected {
    Project(String),
    /// Those of projects that are not known.
    Unlisted,
    /// Those of any project.
    All,
}

/// How much is missing, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MissingCounts {
    pub(super) projects: u64,
    pub(super) repositories: u64,
    pub(super) artifacts: u64,
    /// Whether the projects had not been counted yet.
    pub(super) uncounted: bool,
    /// Repositories that were not read, and whose rows are kept ones. Nothing of them is missing.
    pub(super) kept: u64,
}

impl Failure {
    /// Of the list of projects.
    pub(super) fn of_projects(truncated: Truncated) -> Self {
        let missing = match truncated.missing {
            Some(projects) => MissingCounts { projects, ..MissingCounts::default() },
            None => MissingCounts { uncounted: true, ..MissingCounts::default() },
        };
        let cause = Cause::new(&truncated.error, missing, |code| {
            // Harbor gives a robot of one project all that it has to the list of that project.
            let advice = match truncated.error.status() {
                Some(403) => {
                    let setting = setting::here("harbor-project");
                    format!("; if it may read one project only, name that project ({setting})")
                }
                _ => String::new(),
            };
            types::Failure::of_source(code, format!("the list of projects: {}{advice}", truncated.error))
        });
        Self { cause, affected: Affected::Unlisted }
    }

    /// Of a project: of its repositories or its artifacts. `count` says which, from their number.
    pub(super) fn of_project(project: &str, truncated: Truncated, count: impl FnOnce(u64) -> MissingCounts) -> Self {
        let missing = truncated.missing.map_or(MissingCounts { projects: 1, ..MissingCounts::default() }, count);
        let cause = Cause::new(&truncated.error, missing, |code| {
            types::Failure::of_source(code, format!("project {project}: {}", truncated.error))
        });
        Self { cause, affected: Affected::Project(project.to_owned()) }
    }

    /// Of a repository.
    pub(super) fn of_repository(repository: &RepositoryName, truncated: Truncated) -> Self {
        let missing = match truncated.missing {
            Some(artifacts) => MissingCounts { artifacts, ..MissingCounts::default() },
            None => MissingCounts { repositories: 1, ..MissingCounts::default() },
        };
        let cause = Cause::new(&truncated.error, missing, |code| {
            types::Failure::of_repository(code, repository.full_name(), truncated.error.to_string())
        });
        Self { cause, affected: Affected::Project(repository.project.clone()) }
    }

    /// Of a project, in words of its own.
    pub(super) fn in_project(project: &str, code: FailureCode, message: String) -> Self {
        let cause = Cause::Reported(types::Failure::of_source(code, message));
        Self { cause, affected: Affected::Project(project.to_owned()) }
    }

    /// Of a repository, in words of its own.
    pub(super) fn in_repository(repository: &RepositoryName, code: FailureCode, message: String) -> Self {
        let cause = Cause::Reported(types::Failure::of_repository(code, repository.full_name(), message));
        Self { cause, affected: Affected::Project(repository.project.clone()) }
    }

    /// Of a request without which nothing is known of any project.
    pub(super) fn of_all(error: &Error, missing: MissingCounts) -> Self {
        let cause = Cause::new(error, missing, |code| types::Failure::of_source(code, error.to_string()));
        Self { cause, affected: Affected::All }
    }

    /// Of any project, in words of its own.
    pub(super) fn anywhere(code: FailureCode, message: String) -> Self {
        Self { cause: Cause::Reported(types::Failure::of_source(code, message)), affected: Affected::All }
    }

    /// The same with more advice at its end.
    pub(super) fn with_advice(mut self, advice: &str) -> Self {
        if let Cause::Reported(failure) = &mut self.cause {
            failure.message += advice;
        }
        self
    }

    /// The same, where kept rows stand in for the repository.
    pub(super) fn with_kept_rows(self) -> Self {
        let cause = match self.cause {
            Cause::Cancelled(reason, _) => {
                Cause::Cancelled(reason, MissingCounts { kept: 1, ..MissingCounts::default() })
            }
            reported @ Cause::Reported(_) => reported,
        };
        Self { cause, ..self }
    }

    /// Whether the listing had ended before the request was sent.
    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.cause, Cause::Cancelled(..))
    }
}

impl Cause {
    /// From the failure of a request; `report` gives the failure where it is one of its own.
    fn new(error: &Error, missing: MissingCounts, report: impl FnOnce(FailureCode) -> types::Failure) -> Self {
        match error.cancel_reason() {
            Some(reason) => Self::Cancelled(reason, missing),
            None => Self::Reported(report(error.code())),
        }
    }
}

/// Passes failures on. The cancelled requests become one failure at the end.
#[derive(Default)]
pub(super) struct Failures {
    reported: u64,
    cancelled: Option<(CancelReason, MissingCounts)>,
    /// Projects of which rows may be missing.
    incomplete: BTreeSet<String>,
    all_incomplete: bool,
    /// Whether Harbor refused the login, which is told already. What it denies to nobody is then no failure of its own.
    pub(super) login_refused: bool,
}

impl Failures {
    /// Passes a failure on, or adds it to the failures of cancelled requests.
    pub(super) fn add(&mut self, failure: Option<Failure>, sink: &mut impl Sink) {
        let Some(Failure { cause, affected }) = failure else { return };
        match affected {
            Affected::Project(project) => drop(self.incomplete.insert(project)),
            Affected::Unlisted => {}
            Affected::All => self.all_incomplete = true,
        }
        match cause {
            Cause::Reported(failure) if self.login_refused && failure.code == FailureCode::Denied => {}
            Cause::Reported(failure) => {
                self.reported = self.reported.saturating_add(1);
                if self.reported <= MAX_REPORTED {
                    sink.failed(failure);
                }
            }
            Cause::Cancelled(reason, missing) => {
                // All cancelled requests have the same reason.
                let (_, all) = self.cancelled.get_or_insert((reason, MissingCounts::default()));
                all.projects = all.projects.saturating_add(missing.projects);
                all.repositories = all.repositories.saturating_add(missing.repositories);
                all.artifacts = all.artifacts.saturating_add(missing.artifacts);
                all.uncounted |= missing.uncounted;
                all.kept = all.kept.saturating_add(missing.kept);
            }
        }
    }

    /// Whether no rows of this project are missing.
    pub(super) fn spare(&self, project: &str) -> bool {
        !self.all_incomplete && !self.incomplete.contains(project)
    }

    /// Whether there was none.
    pub(super) fn are_none(&self) -> bool {
        self.reported == 0 && self.cancelled.is_none()
    }

    /// Passes on the failure of all cancelled requests, and the number of those that were not told. `progress` is the number of
    /// repositories that are kept, and of all.
    pub(super) fn end(&self, sink: &mut impl Sink, progress: Option<(u64, u64)>) {
        if self.reported > MAX_REPORTED {
            let more = self.reported - MAX_REPORTED;
            let message = format!("{more} more failures, which are not told one by one");
            sink.failed(types::Failure::of_source(FailureCode::Other, message));
        }
        if let Some((reason, missing)) = &self.cancelled {
            let kept = progress.filter(|(_, all)| *all > 0).map_or_else(String::new, |(kept, all)| {
                format!("; {kept} of {all} repositories are kept, and the next listing goes on from there")
            });
            sink.failed(types::Failure::of_source(reason.code(), format!("{reason}; {missing}{kept}")));
        }
    }
}

impl std::fmt::Display for MissingCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = [
            (self.projects, "project", "projects"),
            (self.repositories, "repository", "repositories"),
            (self.artifacts, "artifact", "artifacts"),
        ];
        let mut parts: Vec<String> = counted
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        if self.uncounted {
            parts.push("projects that were not counted yet".to_owned());
        }
        match (parts.is_empty(), self.kept) {
            (true, 0) => f.write_str("rows are missing"),
            (true, _) => Ok(()),
            (false, _) => write!(f, "missing: {}", parts.join(", ")),
        }?;
        match self.kept {
            0 => Ok(()),
            kept => {
                let separator = if parts.is_empty() { "" } else { "; " };
                let repositories = if kept == 1 { "repository" } else { "repositories" };
                write!(
                    f,
                    "{separator}the rows of {kept} {repositories} are those of an earlier listing, unchanged by their marks"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_counts_are_listed_in_words() {
        let none = MissingCounts::default();
        assert_eq!(none.to_string(), "rows are missing");
        let missing = MissingCounts { projects: 1, repositories: 12, artifacts: 1, ..none };
        assert_eq!(missing.to_string(), "missing: 1 project, 12 repositories, 1 artifact");
        let missing = MissingCounts { uncounted: true, ..none };
        assert_eq!(missing.to_string(), "missing: projects that were not counted yet");
        let kept = "the rows of 2 repositories are those of an earlier listing, unchanged by their marks";
        assert_eq!(MissingCounts { kept: 2, ..none }.to_string(), kept);
        let missing = MissingCounts { artifacts: 3, kept: 2, ..none };
        assert_eq!(missing.to_string(), format!("missing: 3 artifacts; {kept}"));
    }
}
