//! The name of a repository, in two parts.

use image_model::types::{Artifact, Repository};

/// A repository's project, and its name in the project. Ordered by project, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RepositoryName {
    pub(crate) project: String,
    /// Without the project.
    pub(crate) name: String,
}

impl RepositoryName {
    /// From Harbor's full name, which begins with the project's.
    pub(crate) fn new(project: &str, full_name: &str) -> Self {
        Self { project: project.to_owned(), name: name_in(project, full_name).to_owned() }
    }

    /// Rows of this repository.
    pub(crate) fn with(&self, artifacts: Vec<Artifact>) -> Repository {
        Repository { project: self.project.clone(), name: self.name.clone(), artifacts }
    }

    /// `project/name`, as failures name it.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

/// The name of a repository inside its project.
pub(crate) fn name_in<'a>(project: &str, full_name: &'a str) -> &'a str {
    full_name.strip_prefix(project).and_then(|rest| rest.strip_prefix('/')).unwrap_or(full_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_without_its_project() {
        assert_eq!(RepositoryName::new("a", "a/b/c").name, "b/c");
        assert_eq!(RepositoryName::new("a", "a/b/c").full_name(), "a/b/c");
        assert_eq!(RepositoryName::new("a", "ab/c").name, "ab/c");
    }
}
