//! Projects and repositories, as Harbor lists them.

use crate::dedup::UniqueKey;
use crate::repository_name::RepositoryName;
use serde::Deserialize;

/// A project of the listing.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Project {
    pub(super) name: String,
    #[serde(default, rename = "project_id")]
    pub(super) id: Option<i64>,
    /// How many repositories Harbor says it has.
    #[serde(default)]
    pub(super) repo_count: Option<u64>,
}

impl UniqueKey for Project {
    fn unique_key(&self) -> (Option<&str>, &str) {
        (None, &self.name)
    }
}

/// A repository of the listing. Ordered by its name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Repository {
    pub(super) name: RepositoryName,
    pub(super) id: Option<i64>,
    pub(super) project_id: Option<i64>,
    /// How many artifacts Harbor says it has.
    pub(super) artifact_count: Option<u64>,
}
