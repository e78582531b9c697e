//! The paths of Harbor's lists.

use crate::page::List;
use crate::repository_name::RepositoryName;
use crate::scope::Scope;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters to escape in a path segment: all but the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All projects that the user sees, with the number of their repositories.
pub(super) fn projects() -> List {
    List {
        path: "/projects".to_owned(),
        query: "".into(),
        steady_order: "&sort=-project_id".into(),
        scope: Scope::Everything,
    }
}

/// The path of one project.
pub(super) fn project(name: &str) -> String {
    format!("/projects/{}", segment(name))
}

/// The repositories of all projects that the user sees. Before Harbor 2.16, robots see those of public projects only.
pub(super) fn all_repositories() -> List {
    repositories_at("/repositories".to_owned(), Scope::Everything)
}

/// Those of them that changed since a moment, of one project or of all. Harbor takes the moment in UTC, without a zone, and
/// ignores what it can't read.
pub(super) fn changed_repositories(project: Option<&str>, since: &str) -> List {
    let mut list = project.map_or_else(all_repositories, repositories);
    list.query = format!("&sort=repository_id&q={}", segment(&format!("update_time=[{since}~]"))).into();
    list.steady_order = list.query.clone();
    list
}

/// A project's repositories.
pub(super) fn repositories(project: &str) -> List {
    repositories_at(format!("/projects/{}/repositories", segment(project)), Scope::Project(project.to_owned()))
}

fn repositories_at(path: String, scope: Scope) -> List {
    List { path, query: "".into(), steady_order: "&sort=-repository_id".into(), scope }
}

/// The path of one repository.
pub(super) fn repository(name: &RepositoryName) -> String {
    format!("/projects/{}/repositories/{}", segment(&name.project), segment(&segment(&name.name)))
}

/// All artifacts of a project.
pub(super) fn project_artifacts(project: &str) -> List {
    artifacts_at(format!("/projects/{}/artifacts", segment(project)), Scope::Project(project.to_owned()))
}

/// A repository's artifacts. Harbor takes its name percent-encoded twice: once for the path, once for the slashes in it.
pub(super) fn repository_artifacts(repository: &RepositoryName) -> List {
    artifacts_at(format!("{}/artifacts", self::repository(repository)), Scope::Repository(repository.full_name()))
}

/// The path of one artifact, by its tag or digest.
pub(super) fn artifact(repository: &RepositoryName, reference: &str) -> String {
    format!("{}/artifacts/{}?with_tag=true", self::repository(repository), segment(reference))
}

/// Untagged artifacts are in the list although they give no row: `artifact_count` counts them, so that only the whole list
/// can be compared with it.
fn artifacts_at(path: String, scope: Scope) -> List {
    List { path, query: "&with_tag=true".into(), steady_order: "&with_tag=true&sort=-id".into(), scope }
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
