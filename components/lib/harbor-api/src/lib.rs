//! Harbor's API v2.0, read as a whole: what is asked in which order, and the rows that come of it.
//!
//! Pure logic without I/O: Harbor is seen through the [`api::Api`] trait, whose one real implementation is the component
//! `harbor`. [`listing`] is the plan, `paging` reads lists that change while they are read, `artifact` makes rows, [`config`]
//! is what the operator said.

#![forbid(unsafe_code)]

pub mod api;
mod artifact;
pub mod config;
pub mod listing;
mod paging;

/// One row: one tag of one artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The tag.
    pub tag: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes, as Harbor reports them.
    pub size: u64,
}

/// Rows of one repository, in order: all of them, or as many as came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The project's name.
    pub project: String,
    /// The name inside the project: `b/c` for `a/b/c` in project `a`.
    pub name: String,
    /// At least one.
    pub images: Vec<Image>,
}

/// One failure. The rows that did arrive stand beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// `project/name` where one repository failed.
    pub repository: Option<String>,
    /// What was tried, on what, what came back, and what to do.
    pub message: String,
}
