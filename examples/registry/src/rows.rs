//! Rows in the form of the interface `registry-images`.

#![forbid(unsafe_code)]

use image_model::types::{Artifact, Repository};
use std::collections::BTreeMap;

/// The project of a repository without any. A registry has no projects; the part before the first slash counts as one, as in
/// Harbor.
const NO_PROJECT: &str = "<none>";

/// The project of a repository, and its name in the project.
pub fn split(repository: &str) -> (&str, &str) {
    repository.split_once('/').unwrap_or((NO_PROJECT, repository))
}

/// The repository of a project and a name in it.
pub fn join(project: &str, name: &str) -> String {
    if project == NO_PROJECT { name.to_owned() } else { format!("{project}/{name}") }
}

/// The rows of a repository. Each artifact has one tag yet; tags of one digest become one artifact. A registry does not say
/// when an artifact was pushed, so the order is that of the first tags.
pub fn of(repository: &str, artifacts: Vec<Artifact>) -> Repository {
    let mut by_digest: BTreeMap<String, Artifact> = BTreeMap::new();
    for artifact in artifacts {
        match by_digest.get_mut(&artifact.digest) {
            Some(same) => same.tags.extend(artifact.tags),
            None => drop(by_digest.insert(artifact.digest.clone(), artifact)),
        }
    }
    let mut artifacts: Vec<Artifact> = by_digest.into_values().collect();
    artifacts.iter_mut().for_each(|artifact| artifact.tags.sort());
    artifacts.sort_by(|one, other| one.tags.cmp(&other.tags));
    let (project, name) = split(repository);
    Repository { project: project.to_owned(), name: name.to_owned(), artifacts }
}
