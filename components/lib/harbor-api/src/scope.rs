//! Compares the rows of a list with what the request asked for. A name in a path may mean something else to Harbor, or to a
//! proxy in front of it, than it does to us; then the rows of another repository come with the status 200.

/// What all rows of a list belong to.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// Whatever Harbor has.
    Everything,
    /// This project.
    Project(String),
    /// The repository of this name, which begins with the project's.
    Repository(String),
}

/// A row that may say which repository it is or belongs to.
pub(crate) trait Named {
    /// The repository's name, which begins with the project's; `None` where the row does not say it.
    fn full_name(&self) -> Option<&str>;

    /// Whether the row lacks what Harbor leaves out while its database is in trouble: the tags of an artifact.
    fn is_bare(&self) -> bool {
        false
    }
}

impl Scope {
    /// Whether a repository of this name can't be in the list.
    fn excludes(&self, full_name: &str) -> bool {
        match self {
            Self::Everything => false,
            Self::Project(project) => {
                !full_name.strip_prefix(project.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            Self::Repository(name) => name != full_name,
        }
    }

    /// The message where a row contradicts the request.
    pub(crate) fn contradiction(&self, rows: &[impl Named]) -> Option<String> {
        let stranger = rows.iter().filter_map(Named::full_name).find(|name| self.excludes(name))?;
        let asked = match self {
            Self::Everything => return None,
            Self::Project(name) => format!("the project {name}"),
            Self::Repository(name) => format!("the repository {name}"),
        };
        Some(format!(
            "the answer has a row of {stranger:?}, though {asked} was asked for; does a proxy in front of Harbor change \
             paths or remove the header X-Is-Resource-Name?"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(Option<&'static str>);

    impl Named for Row {
        fn full_name(&self) -> Option<&str> {
            self.0
        }
    }

    #[test]
    fn a_row_of_another_project_or_repository_is_a_contradiction() {
        let project = Scope::Project("a".to_owned());
        let repository = Scope::Repository("a/b".to_owned());
        for (scope, name, contradicts) in [
            (&project, "a/b", false),
            (&project, "a/b/c", false),
            (&project, "ab/c", true),
            (&project, "a", true),
            (&repository, "a/b", false),
            (&repository, "a/b/c", true),
            (&Scope::Everything, "x/y", false),
        ] {
            assert_eq!(scope.contradiction(&[Row(None), Row(Some(name))]).is_some(), contradicts, "{scope:?} {name}");
        }
    }
}
