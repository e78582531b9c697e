//! The paths of Harbor's lists.

use super::listed::{Project, Repository};
use crate::page::List;
use crate::repository_name::RepositoryName;
use crate::scope::Scope;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters to escape in a path segment: all but the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Untagged artifacts give no row, but they count: without `q=tags=*`, a list has as many rows as Harbor announces.
const ARTIFACTS: &str = "&with_tag=true";

/// All projects that the user sees.
pub(super) fn projects() -> List {
    List { path: "/projects".to_owned(), query: "&with_detail=false", scope: Scope::default(), expected: None }
}

/// A project's repositories.
pub(super) fn repositories(project: &Project) -> List {
    let path = format!("/projects/{}/repositories", segment(&project.name));
    List { path, query: "", scope: in_project(project), expected: project.repo_count }
}

/// All artifacts of a project.
pub(super) fn project_artifacts(project: &Project) -> List {
    let path = format!("/projects/{}/artifacts", segment(&project.name));
    List { path, query: ARTIFACTS, scope: in_project(project), expected: None }
}

/// A project itself.
pub(super) fn project(name: &str) -> String {
    format!("/projects/{}", segment(name))
}

/// A repository itself. Harbor takes its name percent-encoded twice: once for the path, once for the slashes in it.
pub(super) fn repository(RepositoryName { project, name }: &RepositoryName) -> String {
    format!("/projects/{}/repositories/{}", segment(project), segment(&segment(name)))
}

/// A repository's artifacts.
pub(super) fn repository_artifacts(repository: &Repository) -> List {
    let path = format!("{}/artifacts", self::repository(&repository.name));
    let scope = Scope {
        project: Some(repository.name.project.clone()),
        project_id: repository.project_id,
        repository: Some(repository.name.full_name()),
        repository_id: repository.id,
    };
    List { path, query: ARTIFACTS, scope, expected: repository.artifact_count }
}

fn in_project(project: &Project) -> Scope {
    Scope { project: Some(project.name.clone()), project_id: project.id, ..Scope::default() }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Whether a name can be a path segment of its own. Dots are steps up, even when they are percent-encoded: such a request
/// would go to another part of the API.
pub(super) fn is_valid_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
}

/// The message for a name that is no valid segment.
pub(super) fn invalid_name(what: &str, name: &str) -> String {
    format!(
        "Harbor lists a {what} named {name:?}, which no request can contain; does the Harbor URL lead to Harbor itself?"
    )
}
