//! The paths of Harbor's lists.

use crate::page::List;
use crate::repository_name::RepositoryName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters to escape in a path segment: all but the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Untagged artifacts give no row, so the listing leaves them out.
const ARTIFACTS: &str = "&with_tag=true&q=tags%3D*";

/// All projects that the user sees.
pub(super) fn projects() -> List {
    List { path: "/projects".to_owned(), query: "&with_detail=false" }
}

/// A project's repositories.
pub(super) fn repositories(project: &str) -> List {
    List { path: format!("/projects/{}/repositories", segment(project)), query: "" }
}

/// All artifacts of a project.
pub(super) fn project_artifacts(project: &str) -> List {
    List { path: format!("/projects/{}/artifacts", segment(project)), query: ARTIFACTS }
}

/// A repository's artifacts. Harbor takes its name percent-encoded twice: once for the path, once for the slashes in it.
pub(super) fn repository_artifacts(repository: &RepositoryName) -> List {
    let name = segment(&segment(&repository.name));
    List { path: format!("/projects/{}/repositories/{name}/artifacts", segment(&repository.project)), query: ARTIFACTS }
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
