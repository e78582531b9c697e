//! What a listing of the registry proves.

use crate::config::Config;
use crate::reason::Reason;
use image_model::types::{FailureCode, ListingEnd};
use std::collections::{HashMap, HashSet};

/// What is known of a project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProjectFacts {
    pub(crate) proxy_cache: bool,
    pub(crate) complete: bool,
}

/// How far the listing of the registry can be trusted.
#[derive(Debug)]
pub(crate) struct Evidence {
    projects: HashMap<String, ProjectFacts>,
    failed_repositories: HashSet<String>,
    source_failed: bool,
    distrust: Option<Reason>,
}

impl Evidence {
    /// From the end of the listing.
    pub(crate) fn new(config: &Config, end: &ListingEnd) -> Self {
        let of_source = || end.failures.iter().filter(|failure| failure.repository.is_none());
        // Rows of an earlier time are rows of a listing that counted.
        let stale = of_source().any(|failure| failure.code == FailureCode::Stale);
        let source_failed = !stale && of_source().next().is_some();
        let distrust = match &end.registry {
            _ if stale => None,
            Some(registry) if registry.login_counts || config.anonymous => None,
            // It did not answer: what is known of it is of an earlier time.
            Some(_) if source_failed && !is_denied(end) => Some(Reason::RegistryFailed),
            Some(_) => Some(Reason::LoginDoesNotCount),
            None if source_failed => Some(Reason::RegistryFailed),
            None => None,
        };
        let facts = |project: &image_model::types::Project| ProjectFacts {
            proxy_cache: project.proxy_cache,
            complete: project.complete,
        };
        // Rows of one repository may be of an earlier time, too.
        let stale_repositories: HashSet<_> = end
            .failures
            .iter()
            .filter(|failure| failure.code == FailureCode::Stale)
            .filter_map(|failure| failure.repository.as_deref())
            .collect();
        Self {
            projects: end.projects.iter().map(|project| (project.name.clone(), facts(project))).collect(),
            failed_repositories: end
                .failures
                .iter()
                .filter_map(|failure| failure.repository.as_deref())
                .filter(|repository| !stale && !stale_repositories.contains(repository))
                .map(str::to_owned)
                .collect(),
            source_failed,
            distrust,
        }
    }

    /// Why the rows prove nothing at all.
    pub(crate) fn distrust(&self) -> Option<Reason> {
        self.distrust
    }

    /// The project, where the login sees it.
    pub(crate) fn project(&self, name: &str) -> Option<ProjectFacts> {
        self.projects.get(name).copied()
    }

    /// Why an artifact may be in this project although the listing did not give it.
    pub(crate) fn doubt_of_absence(&self, project: &str, repository: &str) -> Option<Reason> {
        if let Some(doubt) = self.doubt_of_tags(project, repository) {
            return Some(doubt);
        }
        let complete = self.project(project).is_some_and(|facts| facts.complete);
        (!complete).then_some(Reason::ProjectIncomplete)
    }

    /// Why a repository of which some artifacts came may have more tags. The listing of a project may be incomplete for
    /// reasons that do not touch this repository.
    pub(crate) fn doubt_of_tags(&self, project: &str, repository: &str) -> Option<Reason> {
        if self.distrust.is_some() {
            return self.distrust;
        }
        if self.failed_repositories.contains(repository) {
            return Some(Reason::RepositoryFailed);
        }
        match self.project(project) {
            None if self.source_failed => Some(Reason::RegistryFailed),
            None => Some(Reason::ProjectNotSeen),
            Some(facts) if !facts.complete && self.source_failed => Some(Reason::RegistryFailed),
            Some(_) => None,
        }
    }
}

/// Whether the registry refused the login, or took it for nobody's.
pub(crate) fn is_denied(end: &ListingEnd) -> bool {
    let mut of_source = end.failures.iter().filter(|failure| failure.repository.is_none());
    of_source.any(|failure| failure.code == FailureCode::Denied)
}
