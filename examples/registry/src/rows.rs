//! Rows in the form of the interface `harbor`.

#![forbid(unsafe_code)]

use crate::bindings::exports::image_service::inventory::harbor::{Image, Repository};

/// The project of a repository, and its name in the project. A registry has no projects; the part before the first slash
/// counts as one, as in Harbor.
pub fn split(repository: &str) -> (&str, &str) {
    repository.split_once('/').unwrap_or(("<none>", repository))
}

/// The rows of a repository, ordered by tag.
pub fn of(repository: &str, mut images: Vec<Image>) -> Repository {
    images.sort_by(|a, b| a.tag.cmp(&b.tag));
    let (project, name) = split(repository);
    Repository { project: project.to_owned(), name: name.to_owned(), images }
}
