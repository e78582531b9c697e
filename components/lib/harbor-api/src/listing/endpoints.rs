//! Where Harbor has its lists.

use crate::artifact::Name;
use crate::paging::List;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays itself in a path segment (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Untagged artifacts give no row, so they are not asked for.
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
pub(super) fn artifacts_in(project: &str) -> List {
    List { path: format!("/projects/{}/artifacts", segment(project)), query: ARTIFACTS }
}

/// A repository's artifacts. Harbor takes its name percent-encoded twice: once for the path, once for the slashes in it.
pub(super) fn artifacts_of(repository: &Name) -> List {
    let name = segment(&segment(&repository.name));
    List { path: format!("/projects/{}/repositories/{name}/artifacts", segment(&repository.project)), query: ARTIFACTS }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Whether a name can stand in a path by itself. Dots are steps up there, even when they are percent-encoded: a request
/// would go to another part of the API.
pub(super) fn can_be_asked_for(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
}

/// What is said of a name that can not.
pub(super) fn odd_name(what: &str, name: &str) -> String {
    format!(
        "Harbor tells of a {what} named {name:?}, which can't be asked for; is the Harbor URL that of Harbor itself?"
    )
}
