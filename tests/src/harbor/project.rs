//! A project.

use super::repository::Place;
use super::timestamp::Timestamp;
use std::sync::{Arc, OnceLock};

/// A project, and the order of its artifacts.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) public: bool,
    pub(super) created: Timestamp,
    /// The registry of which it is a proxy cache.
    pub(super) registry: Option<u64>,
    /// Its artifacts, newest first, once somebody asked for them. Empty again after a change.
    pub(super) newest: OnceLock<Arc<Vec<Listed>>>,
}

/// An artifact in the list of its project.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    /// Time of the push, and id.
    pub(super) age: (Timestamp, u64),
    pub(super) repository: u64,
    pub(super) place: Place,
}

impl Project {
    pub(super) fn new(id: u64, name: &str, created: Timestamp) -> Self {
        Self { id, name: name.to_owned(), public: true, created, registry: None, newest: OnceLock::new() }
    }
}

/// The project in the full name of a repository.
pub(super) fn project_of(repository: &str) -> &str {
    repository.split_once('/').map_or(repository, |(project, _)| project)
}
