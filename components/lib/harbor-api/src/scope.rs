//! The project or repository that a list was asked for, and whether a row says that it is of another one.

/// What a list was asked for. Harbor's ids are known where another list told them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The project; `None` in the list of projects.
    pub(crate) project: Option<String>,
    pub(crate) project_id: Option<i64>,
    /// The full name of the repository, in a list of one repository.
    pub(crate) repository: Option<String>,
    pub(crate) repository_id: Option<i64>,
}

/// Where a row says that it is, as far as it says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin<'a> {
    /// The full name of its repository.
    pub(crate) repository: Option<&'a str>,
    pub(crate) project_id: Option<i64>,
    pub(crate) repository_id: Option<i64>,
}

impl Scope {
    /// What is wrong with a row that is of another project or repository than this one. A name decides; ids decide where
    /// Harbor gives no name.
    pub(crate) fn contradiction(&self, origin: Origin<'_>) -> Option<String> {
        let asked = self.repository.as_ref().or(self.project.as_ref())?;
        let came = match origin.repository {
            Some(name) => {
                let is_within = match &self.repository {
                    Some(repository) => name == repository,
                    None => name.strip_prefix(asked.as_str()).is_some_and(|rest| rest.starts_with('/')),
                };
                (!is_within).then(|| format!("the repository {name:?}"))
            }
            None => other_id("repository", self.repository_id, origin.repository_id)
                .or_else(|| other_id("project", self.project_id, origin.project_id)),
        }?;
        Some(format!("{asked:?} was asked for, and a row of {came} came; such rows are left out"))
    }
}

fn other_id(what: &str, asked: Option<i64>, came: Option<i64>) -> Option<String> {
    let (asked, came) = asked.zip(came)?;
    (asked != came).then(|| format!("the {what} with the id {came} in place of {asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_decides_and_ids_where_there_is_none() {
        let project = Scope { project: Some("2".into()), project_id: Some(7), ..Scope::default() };
        let repository = Scope { repository: Some("2/app".into()), repository_id: Some(9), ..project.clone() };
        let named = |name| Origin { repository: Some(name), ..Origin::default() };
        for (scope, origin, is_right) in [
            (&project, named("2/app"), true),
            (&project, named("2"), false),
            (&project, named("22/app"), false),
            (&project, Origin { project_id: Some(1), ..named("2/app") }, true),
            (&project, Origin { project_id: Some(1), ..Origin::default() }, false),
            (&project, Origin::default(), true),
            (&repository, named("2/app"), true),
            (&repository, named("2/app/x"), false),
            (&repository, Origin { repository_id: Some(9), ..Origin::default() }, true),
            (&repository, Origin { repository_id: Some(8), ..Origin::default() }, false),
            (&repository, Origin { project_id: Some(8), ..Origin::default() }, false),
            (&Scope::default(), named("a/b"), true),
        ] {
            assert_eq!(scope.contradiction(origin).is_none(), is_right, "{scope:?}, {origin:?}");
        }
    }
}
