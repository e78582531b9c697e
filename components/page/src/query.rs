//! The query of the page, and the links that change one part of it.

#![forbid(unsafe_code)]

use form_urlencoded::Serializer;

/// The parameters of `/inventory` that a person chooses. The page has others, which only its script reads.
const PARAMETERS: [&str; 9] = ["q", "verdict", "project", "registry", "node", "tag", "source", "sort", "order"];
const CURSOR: &str = "cursor";

/// The worst come first, unless somebody sorts.
const DEFAULT_SORT: (&str, &str) = ("sort", "verdict");

/// Rows in the HTML.
const ROWS: &str = "100";

/// The query of a request to the page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// In the order of [`PARAMETERS`].
    parameters: Vec<(&'static str, String)>,
    cursor: Option<String>,
    /// Whether the host sent the browser back from a login with a wrong token.
    login_failed: bool,
}

impl Query {
    /// Reads the query of a URL. It leaves out what `/inventory` does not know: links have parameters of others, such as those
    /// of chats and mail programs.
    pub(crate) fn read(query: &str) -> Self {
        let given: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let value = |name: &str| given.iter().find(|(key, value)| key == name && !value.is_empty());
        let parameters = PARAMETERS.iter().filter_map(|name| Some((*name, value(name)?.1.clone().into_owned())));
        let login_failed = value("login").is_some_and(|(_, value)| value == "failed");
        Self {
            parameters: parameters.collect(),
            login_failed,
            cursor: value(CURSOR).map(|(_, value)| value.clone().into_owned()),
        }
    }

    /// The value of a parameter; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// What narrows or orders the rows, without the cursor.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.parameters.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The query of `/inventory` for the rows in the HTML.
    pub(crate) fn of_first_rows(&self) -> String {
        let mut query = self.of_all_rows();
        query.push_str("&limit=");
        query.push_str(ROWS);
        if let Some(cursor) = &self.cursor {
            query.push('&');
            query.push_str(&Serializer::new(String::new()).append_pair(CURSOR, cursor).finish());
        }
        query
    }

    /// The query of `/inventory` for all rows that are selected, in the order of the page.
    pub(crate) fn of_all_rows(&self) -> String {
        let mut serializer = Serializer::new(String::new());
        serializer.extend_pairs(self.parameters());
        if self.get(DEFAULT_SORT.0).is_empty() {
            serializer.append_pair(DEFAULT_SORT.0, DEFAULT_SORT.1);
        }
        serializer.finish()
    }

    /// A link to the page in which these parameters have these values; an empty value removes a parameter. The link begins
    /// with the first rows.
    pub(crate) fn link(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.parameters().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let mut serializer = Serializer::new(String::new());
        serializer.extend_pairs(kept).extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
        match serializer.finish() {
            query if query.is_empty() => "./".to_owned(),
            query => format!("?{query}"),
        }
    }

    /// A link to the rows after these.
    pub(crate) fn next(&self, cursor: &str) -> String {
        self.link(&[(CURSOR, cursor)])
    }

    /// Whether it narrows the rows by something besides verdicts.
    pub(crate) fn narrows(&self) -> bool {
        self.parameters().any(|(name, _)| !matches!(name, "verdict" | "sort" | "order"))
    }

    /// Whether the browser comes from a login with a wrong token.
    pub(crate) fn login_failed(&self) -> bool {
        self.login_failed
    }

    /// Whether the rows are those that come first.
    pub(crate) fn is_first(&self) -> bool {
        self.cursor.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_parameters_reach_the_inventory() {
        let query = Query::read("utm_source=chat&view=space&open=a&q=team+app%261&verdict=missing&limit=9&project=");
        assert_eq!(query.of_first_rows(), "q=team+app%261&verdict=missing&sort=verdict&limit=100");
        assert_eq!(
            Query::read("sort=size&order=desc&cursor=x%3Dy").of_first_rows(),
            "sort=size&order=desc&limit=100&cursor=x%3Dy"
        );
    }

    #[test]
    fn a_link_changes_its_parameter_and_begins_with_the_first_rows() {
        let query = Query::read("q=a&verdict=missing&cursor=7");
        assert_eq!(query.link(&[("verdict", "drifted")]), "?q=a&verdict=drifted");
        assert_eq!(query.link(&[("verdict", "")]), "?q=a");
        assert_eq!(query.link(&[("q", ""), ("verdict", "")]), "./");
        assert_eq!(query.next("8"), "?q=a&verdict=missing&cursor=8");
    }
}
