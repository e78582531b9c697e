//! The records of the interface `types` in wit/inventory.wit.
//!
//! Components bind that interface to this module (`with` in `wit_bindgen::generate!`). So a row is one type from its source
//! to the answer, and no component copies fields.

use serde::{Deserialize, Serialize};

/// One failure of a source. The answer also has the rows that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// `project/name` where one Harbor repository failed.
    pub repository: Option<String>,
    /// What the source tried, what came back, and what to do.
    pub message: String,
}

impl SourceError {
    /// A failure that concerns more than one repository.
    pub fn of_source(message: String) -> Self {
        Self { repository: None, message }
    }
}

/// A row of the node: one tag of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerdImage {
    /// As the runtime gives it.
    pub id: String,
    /// With its registry, such as `registry.k8s.io/pause`; `None` where the image has no name.
    pub repository: Option<String>,
    /// `None` where the image has no tag.
    pub tag: Option<String>,
    /// Bytes.
    pub size: u64,
}

/// A row of the registry: one tag of one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarborImage {
    /// The tag.
    pub tag: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes, as Harbor reports them.
    pub size: u64,
}

/// Rows of one repository, newest artifact first, then by tag. A long repository may come in several of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarborRepository {
    /// The project's name.
    pub project: String,
    /// The name inside the project: `b/c` for `a/b/c` in project `a`.
    pub name: String,
    /// The rows, at least one.
    pub images: Vec<HarborImage>,
}

/// The next part of a listing of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HarborPart {
    /// Rows, ordered by project and repository.
    Rows(Vec<HarborRepository>),
    /// The end of the listing: no more rows, and the failures.
    End(Vec<SourceError>),
}
