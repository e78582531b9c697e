//! What requests to Harbor cost.

/// What a page costs without its rows, in seconds, with nothing else under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// A page of the list of a project's artifacts.
    pub project_page: f64,
    /// A page of the list of a repository's artifacts.
    pub repository_page: f64,
}

impl Costs {
    pub(crate) fn mean(self, other: Self) -> Self {
        Self {
            project_page: f64::midpoint(self.project_page, other.project_page),
            repository_page: f64::midpoint(self.repository_page, other.repository_page),
        }
    }
}
