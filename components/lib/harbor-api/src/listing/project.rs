//! The first two stages of a listing: the projects, and the contents of each.

use super::endpoints;
use super::failures::{Failure, MissingCounts};
use super::login::ArtifactLists;
use crate::api::Api;
use crate::artifact::Artifact;
use crate::dedup::UniqueKey;
use crate::page::Limits;
use crate::paging::{self, WholeList};
use crate::repository_name::RepositoryName;
use crate::rows::project_rows;
use image_model::types::{HarborRepository, SourceError};
use serde::Deserialize;

/// The contents of a project, as far as they could be read.
pub(super) enum Contents {
    Rows(Vec<HarborRepository>, Option<Failure>),
    /// The project has to be read repository by repository.
    Repositories(Vec<RepositoryName>, Option<Failure>),
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

impl UniqueKey for Project {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

#[derive(Deserialize)]
struct Repository {
    /// With the project's name.
    name: String,
    /// Some versions leave zero out.
    #[serde(default)]
    artifact_count: Option<i64>,
}

impl UniqueKey for Repository {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

/// The names of all projects that the user sees, in order.
pub(super) async fn names(api: &impl Api, limits: Limits) -> (Vec<String>, Option<Failure>) {
    let list = endpoints::projects();
    let WholeList::Rows(projects, truncated) = paging::read_all::<Project>(api, &list, limits.of_names()).await else {
        return (Vec::new(), None);
    };
    let mut projects: Vec<String> = projects.into_iter().map(|project| project.name).collect();
    projects.sort();
    (projects, truncated.map(Failure::of_projects))
}

/// One project's rows, where Harbor has them in one list that is short enough to be buffered; else its repositories.
pub(super) async fn contents(api: &impl Api, limits: Limits, project: String, lists: ArtifactLists) -> Contents {
    if !endpoints::is_valid_segment(&project) {
        let error = SourceError::of_source(endpoints::invalid_name("project", &project));
        return Contents::Rows(Vec::new(), Some(Failure::Reported(error)));
    }
    if lists == ArtifactLists::OfProjects
        && let Some(rows) = rows(api, limits, &project).await
    {
        return rows;
    }
    let list = endpoints::repositories(&project);
    let WholeList::Rows(repositories, truncated) = paging::read_all::<Repository>(api, &list, limits.of_names()).await
    else {
        return Contents::Rows(Vec::new(), None);
    };
    let mut repositories: Vec<RepositoryName> = repositories
        .into_iter()
        .filter(|repository| repository.artifact_count != Some(0))
        .map(|repository| RepositoryName::new(&project, &repository.name))
        .collect();
    repositories.sort();
    let count = |repositories| MissingCounts { repositories, ..MissingCounts::default() };
    Contents::Repositories(repositories, truncated.map(|truncated| Failure::of_project(&project, truncated, count)))
}

/// All rows of a project; `None` where it has to be read repository by repository.
async fn rows(api: &impl Api, limits: Limits, project: &str) -> Option<Contents> {
    let list = endpoints::project_artifacts(project);
    let WholeList::Rows(artifacts, truncated) = paging::read_all::<Artifact>(api, &list, limits).await else {
        return None;
    };
    // Some installations hide this list. Where the project itself is missing, the list of its repositories fails too.
    let status = truncated.as_ref().and_then(|truncated| truncated.error.status());
    if artifacts.is_empty() && matches!(status, Some(403..=405)) {
        return None;
    }
    let rows = project_rows(project, artifacts)?;
    let count = |artifacts| MissingCounts { artifacts, ..MissingCounts::default() };
    Some(Contents::Rows(rows, truncated.map(|truncated| Failure::of_project(project, truncated, count))))
}
