//! What failures cost, and how they are told: each once, and all that was not asked for any more as one.

use super::Sink;
use crate::SourceError;
use crate::api::{Ended, Error};
use crate::artifact::Name;
use crate::paging::Stopped;

/// What is missing because of a failure.
#[derive(Debug)]
pub(super) enum Loss {
    /// A failure of its own.
    Said(SourceError),
    /// Not asked for any more.
    Unread(Ended, Unread),
}

/// How much was not read, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) projects: u64,
    pub(super) repositories: u64,
    pub(super) artifacts: u64,
    /// How many projects there are was not known yet.
    pub(super) uncounted: bool,
}

/// A failure that no single repository is to blame for.
pub(super) fn failure(message: String) -> SourceError {
    SourceError { repository: None, message }
}

impl Loss {
    /// Of the list of projects.
    pub(super) fn of_projects(stopped: Stopped) -> Self {
        let unread = match stopped.missing {
            Some(projects) => Unread { projects, ..Unread::default() },
            None => Unread { uncounted: true, ..Unread::default() },
        };
        Self::new(&stopped.error, unread, || failure(format!("the list of projects: {}", stopped.error)))
    }

    /// Of a project: of its repositories or its artifacts, which `count` puts in their place.
    pub(super) fn of_project(project: &str, stopped: Stopped, count: impl FnOnce(u64) -> Unread) -> Self {
        let unread = stopped.missing.map_or(Unread { projects: 1, ..Unread::default() }, count);
        Self::new(&stopped.error, unread, || failure(format!("project {project}: {}", stopped.error)))
    }

    /// Of a repository.
    pub(super) fn of_repository(repository: &Name, stopped: Stopped) -> Self {
        let unread = match stopped.missing {
            Some(artifacts) => Unread { artifacts, ..Unread::default() },
            None => Unread { repositories: 1, ..Unread::default() },
        };
        let said = || SourceError { repository: Some(repository.full_name()), message: stopped.error.to_string() };
        Self::new(&stopped.error, unread, said)
    }

    fn new(error: &Error, unread: Unread, said: impl FnOnce() -> SourceError) -> Self {
        match error.ended() {
            Some(why) => Self::Unread(why, unread),
            None => Self::Said(said()),
        }
    }
}

/// Passes failures on; what was not asked for any more is one failure, however much it is.
#[derive(Default)]
pub(super) struct Failures {
    unread: Option<(Ended, Unread)>,
}

impl Failures {
    pub(super) fn note(&mut self, loss: Option<Loss>, sink: &mut impl Sink) {
        match loss {
            Some(Loss::Said(error)) => sink.failed(error),
            Some(Loss::Unread(why, unread)) => {
                // The first is why the others were not asked for.
                let (_, all) = self.unread.get_or_insert((why, Unread::default()));
                all.projects = all.projects.saturating_add(unread.projects);
                all.repositories = all.repositories.saturating_add(unread.repositories);
                all.artifacts = all.artifacts.saturating_add(unread.artifacts);
                all.uncounted |= unread.uncounted;
            }
            None => {}
        }
    }

    pub(super) fn end(self, sink: &mut impl Sink) {
        if let Some((why, unread)) = self.unread {
            sink.failed(failure(format!("{why}; {unread}")));
        }
    }
}

impl std::fmt::Display for Unread {
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
        match parts.is_empty() {
            true => f.write_str("what had not been read by then is missing"),
            false => write!(f, "missing is what had not been read by then: {}", parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_reads_as_a_sentence() {
        let told = |unread: Unread| unread.to_string();
        assert_eq!(told(Unread::default()), "what had not been read by then is missing");
        assert_eq!(
            told(Unread { projects: 1, repositories: 12, artifacts: 1, uncounted: false }),
            "missing is what had not been read by then: 1 project, 12 repositories, 1 artifact"
        );
        assert!(told(Unread { uncounted: true, ..Unread::default() }).ends_with("projects that were not counted yet"));
    }
}
