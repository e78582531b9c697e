//! What a registry says, as rows.

#![forbid(unsafe_code)]

use crate::bindings::exports::image_service::inventory::harbor::{Image, Repository};
use crate::registry::Tagged;

/// The project of a repository and its name in it. A registry has no projects: the part before the first slash stands for
/// one, as it does in Harbor.
pub fn split(repository: &str) -> (&str, &str) {
    repository.split_once('/').unwrap_or(("<none>", repository))
}

/// The rows of a repository, ordered by tag.
pub fn of(repository: &str, mut images: Vec<Tagged>) -> Repository {
    images.sort_by(|a, b| a.tag.cmp(&b.tag));
    let (project, name) = split(repository);
    let row = |Tagged { tag, digest, size }: Tagged| Image { tag, digest, size };
    Repository { project: project.to_owned(), name: name.to_owned(), images: images.into_iter().map(row).collect() }
}
