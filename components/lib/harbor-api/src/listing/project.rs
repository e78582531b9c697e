//! The first two stages of a listing: the projects, and the contents of each.

use super::endpoints;
use super::failures::{Failure, MissingCounts};
use super::listed::{Project, Repository};
use super::login::ArtifactLists;
use super::recount;
use crate::api::Api;
use crate::artifact::Artifact;
use crate::dedup::UniqueKey;
use crate::page::Limits;
use crate::paging::{self, WholeList};
use crate::repository_name::RepositoryName;
use crate::rows::project_rows;
use crate::scope::Origin;
use image_model::types::{HarborRepository, SourceError};
use serde::Deserialize;

/// The contents of a project, as far as they could be read.
pub(super) enum Contents {
    Rows(Vec<HarborRepository>, Option<Failure>),
    /// The project has to be read repository by repository.
    Repositories(Vec<Repository>, Option<Failure>),
}

/// A repository as Harbor describes it.
#[derive(Deserialize)]
struct Described {
    /// With the project's name.
    name: String,
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    project_id: Option<i64>,
    /// Some versions leave zero out.
    #[serde(default)]
    artifact_count: Option<i64>,
}

impl UniqueKey for Described {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }

    fn origin(&self) -> Origin<'_> {
        Origin { repository: Some(&self.name), ..Origin::default() }
    }
}

/// All projects that the user sees, in order.
pub(super) async fn all(api: &impl Api, limits: Limits) -> (Vec<Project>, Option<Failure>) {
    let list = endpoints::projects();
    let (mut projects, truncated) = paging::read_names::<Project>(api, &list, limits).await;
    projects.sort();
    (projects, truncated.map(Failure::of_projects))
}

/// One project's rows, where Harbor has them in one list that is short enough to be buffered; else its repositories.
pub(super) async fn contents(api: &impl Api, limits: Limits, project: Project, lists: ArtifactLists) -> Contents {
    if !endpoints::is_valid_segment(&project.name) {
        let error = SourceError::of_source(endpoints::invalid_name("project", &project.name));
        return Contents::Rows(Vec::new(), Some(Failure::Reported(error)));
    }
    if lists == ArtifactLists::OfProjects
        && let Some(rows) = rows(api, limits, &project).await
    {
        return rows;
    }
    let list = endpoints::repositories(&project);
    let (repositories, truncated) = paging::read_names::<Described>(api, &list, limits).await;
    let truncated = match truncated {
        None => recount::repositories(api, &project, repositories.len()).await,
        truncated => truncated,
    };
    let mut repositories: Vec<Repository> = repositories
        .into_iter()
        .filter(|repository| repository.artifact_count != Some(0))
        .map(|Described { name, id, project_id, artifact_count }| {
            let name = RepositoryName::new(&project.name, &name);
            let artifact_count = artifact_count.and_then(|count| u64::try_from(count).ok());
            Repository { name, id, project_id: project_id.or(project.id), artifact_count }
        })
        .collect();
    repositories.sort();
    let count = |repositories| MissingCounts { repositories, ..MissingCounts::default() };
    let failure = truncated.map(|truncated| Failure::of_project(&project.name, truncated, count));
    Contents::Repositories(repositories, failure)
}

/// All rows of a project; `None` where it has to be read repository by repository.
async fn rows(api: &impl Api, limits: Limits, project: &Project) -> Option<Contents> {
    let list = endpoints::project_artifacts(project);
    let WholeList::Rows(artifacts, truncated) = paging::read_all::<Artifact>(api, &list, limits).await else {
        return None;
    };
    // Some installations hide this list. Where the project itself is missing, the list of its repositories fails too.
    let status = truncated.as_ref().and_then(|truncated| truncated.error.status());
    if artifacts.is_empty() && matches!(status, Some(403..=405)) {
        return None;
    }
    // An empty list of a project with repositories is no proof that they are empty.
    if artifacts.is_empty() && truncated.is_none() && project.repo_count.is_some_and(|count| count > 0) {
        return None;
    }
    let rows = project_rows(&project.name, artifacts)?;
    let count = |artifacts| MissingCounts { artifacts, ..MissingCounts::default() };
    Some(Contents::Rows(rows, truncated.map(|truncated| Failure::of_project(&project.name, truncated, count))))
}
