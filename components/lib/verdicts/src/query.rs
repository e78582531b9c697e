//! What a client asks for: which rows, in which order, how many, and from where on.

use crate::cursor::Cursor;
use crate::query_error::{Problem, QueryError};
use crate::reference;
use crate::verdict::{Verdict, Verdicts};
use image_model::protocol::{CONTAINERD, HARBOR};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The most rows of one page.
pub const MAX_LIMIT: u32 = 1000;

/// The rows of a page where the query does not say.
pub const DEFAULT_LIMIT: u32 = 100;

/// Most words, and most values of one filter. Each costs time for each row.
const MAX_VALUES: usize = 32;

const PARAMETERS: &str = "q, source, node, project, registry, verdict, tag, sort, order, limit, cursor";

/// No name of an image has these, and regular expressions do.
const NO_WORD: &[char] = &['*', '+', '?', '^', '$', '(', ')', '[', ']', '{', '}', '|', '\\'];

/// What a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub(crate) filters: Filters,
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<Cursor>,
}

/// Which rows. An empty list allows any value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filters {
    /// In lower case. All must match.
    pub(crate) words: Vec<String>,
    pub(crate) sources: Vec<Source>,
    pub(crate) nodes: Vec<String>,
    pub(crate) projects: Vec<String>,
    pub(crate) registries: Vec<String>,
    pub(crate) verdicts: Verdicts,
    pub(crate) tags: Vec<String>,
}

/// Who knows a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Containerd,
    Harbor,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Sort {
    #[default]
    Name,
    Size,
    Nodes,
    Pushed,
    Verdict,
    Digest,
}

impl Query {
    /// Reads the query of a URL, without its `?`.
    ///
    /// Filters may have several values, separated by commas or in several parameters; a row matches one of them. A parameter
    /// without a value is as good as none.
    ///
    /// # Errors
    ///
    /// When a parameter does not exist, came twice, or has a value that is not allowed.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let (mut parsed, mut once, mut cursor) = (Self::default(), Vec::new(), None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let filters = &mut parsed.filters;
            match &*name {
                "q" => add_words(&mut filters.words, &value)?,
                "source" => add(&name, &value, &mut filters.sources, source)?,
                "node" => add(&name, &value, &mut filters.nodes, |node| Ok(node.to_owned()))?,
                "project" => add(&name, &value, &mut filters.projects, |project| Ok(project.to_owned()))?,
                "registry" => {
                    add(&name, &value, &mut filters.registries, |host| Ok(reference::host(host).into_owned()))?
                }
                "tag" => add(&name, &value, &mut filters.tags, |tag| Ok(tag.to_owned()))?,
                "verdict" => {
                    let mut verdicts: Vec<Verdict> = filters.verdicts.iter().collect();
                    add(&name, &value, &mut verdicts, verdict)?;
                    filters.verdicts = verdicts.into_iter().collect();
                }
                "sort" | "order" | "limit" | "cursor" => {
                    if once.contains(&name) {
                        return Err(QueryError::new(&name, Problem::Repeated, "one value"));
                    }
                    once.push(name.clone());
                    if value.is_empty() {
                        continue;
                    }
                    match &*name {
                        "sort" => parsed.sort = sort(&value)?,
                        "order" => parsed.descending = order(&value)?,
                        "limit" => parsed.limit = Some(limit(&value)?),
                        _ => cursor = Some(value.into_owned()),
                    }
                }
                _ => return Err(QueryError::new(&name, Problem::Unknown, PARAMETERS)),
            }
        }
        if let Some(text) = cursor {
            let allowed = "the value of next of the same query, or none to begin again";
            let cursor = Cursor::read(&text).ok_or_else(|| QueryError::value("cursor", &text, allowed))?;
            if !cursor.is_of(parsed.hash()) {
                return Err(QueryError::new("cursor", Problem::OtherQuery, allowed));
            }
            parsed.cursor = Some(cursor);
        }
        Ok(parsed)
    }

    /// Whether the client says how many rows it wants.
    pub fn has_limit(&self) -> bool {
        self.limit.is_some()
    }

    /// The same for two queries that give the same rows in the same order, whatever page of them.
    pub(crate) fn hash(&self) -> u64 {
        // The keys of this hasher are fixed, so that every instance of the program understands the cursors of every other.
        let mut hasher = DefaultHasher::new();
        (&self.filters, self.sort, self.descending).hash(&mut hasher);
        hasher.finish()
    }
}

fn add_words(words: &mut Vec<String>, text: &str) -> Result<(), QueryError> {
    for word in text.split_whitespace() {
        if word.contains(NO_WORD) || words.len() >= MAX_VALUES {
            let allowed = format!(
                "at most {MAX_VALUES} words, which must all be in the row; no regular expression and no wildcard"
            );
            return Err(QueryError::value("q", word, allowed));
        }
        let word = word.to_lowercase();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(())
}

fn add<T: PartialEq>(
    name: &str,
    text: &str,
    values: &mut Vec<T>,
    read: impl Fn(&str) -> Result<T, QueryError>,
) -> Result<(), QueryError> {
    for value in text.split(',').filter(|value| !value.is_empty()) {
        if values.len() >= MAX_VALUES {
            return Err(QueryError::value(name, value, format!("at most {MAX_VALUES} values")));
        }
        let value = read(value)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(())
}

fn source(text: &str) -> Result<Source, QueryError> {
    match text {
        CONTAINERD => Ok(Source::Containerd),
        HARBOR => Ok(Source::Harbor),
        _ => Err(QueryError::value("source", text, format!("{CONTAINERD}, {HARBOR}"))),
    }
}

fn verdict(text: &str) -> Result<Verdict, QueryError> {
    let allowed = || Verdict::ALL.map(Verdict::label).join(", ");
    Verdict::of_label(text).ok_or_else(|| QueryError::value("verdict", text, allowed()))
}

fn sort(text: &str) -> Result<Sort, QueryError> {
    Ok(match text {
        "name" => Sort::Name,
        "size" => Sort::Size,
        "nodes" => Sort::Nodes,
        "pushed" => Sort::Pushed,
        "verdict" => Sort::Verdict,
        "digest" => Sort::Digest,
        _ => return Err(QueryError::value("sort", text, "name, size, nodes, pushed, verdict, digest")),
    })
}

/// Whether the order is descending.
fn order(text: &str) -> Result<bool, QueryError> {
    match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(QueryError::value("order", text, "asc, desc")),
    }
}

fn limit(text: &str) -> Result<u32, QueryError> {
    let number = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    number.ok_or_else(|| QueryError::value("limit", text, format!("a number from 1 to {MAX_LIMIT}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> (String, Problem, String) {
        let error = Query::parse(query).unwrap_err();
        (error.parameter, error.problem, error.allowed)
    }

    #[test]
    fn a_refusal_names_the_parameter_and_what_is_allowed() {
        for (query, parameter, value, allowed) in [
            ("limit=0", "limit", "0", "a number from 1 to 1000"),
            ("limit=1000000", "limit", "1000000", "a number from 1 to 1000"),
            ("limit=-1", "limit", "-1", "a number from 1 to 1000"),
            ("limit=ten", "limit", "ten", "a number from 1 to 1000"),
            ("sort=age", "sort", "age", "name, size, nodes, pushed, verdict, digest"),
            ("order=up", "order", "up", "asc, desc"),
            ("source=podman", "source", "podman", "containerd, harbor"),
            ("cursor=nonsense", "cursor", "nonsense", "the value of next of the same query, or none to begin again"),
        ] {
            let expected = (parameter.to_owned(), Problem::Value(value.to_owned()), allowed.to_owned());
            assert_eq!(refused(query), expected, "{query}");
        }
        let (parameter, _, allowed) = refused("verdict=missing,nonsense");
        assert_eq!((parameter.as_str(), allowed.split(", ").count()), ("verdict", 9));
        assert_eq!(
            Query::parse("limit=0").unwrap_err().to_string(),
            "The parameter limit can't be \"0\". Allowed: a number from 1 to 1000."
        );
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        assert_eq!(refused("_=17"), ("_".to_owned(), Problem::Unknown, PARAMETERS.to_owned()));
        assert_eq!(refused("Q=a").0, "Q");
    }

    #[test]
    fn a_single_value_may_not_come_twice() {
        assert_eq!(refused("limit=1&limit=2").1, Problem::Repeated);
    }

    #[test]
    fn a_regular_expression_is_no_word() {
        for query in [
            "q=app.*",
            "q=%5Eapp",
            "q=app%24",
            "q=%28a%7Cb%29",
            "q=%5Ba-z%5D",
            "q=a%2B",
            "q=a%7B2%7D",
            "q=%5Cd",
            "q=a%3F",
        ] {
            assert_eq!(refused(query).0, "q", "{query}");
        }
        assert!(Query::parse("q=h.example:443/team/app-1_2@sha256:ab+%3Cnone%3E").is_ok());
    }

    #[test]
    fn words_and_filters_are_collected() {
        let query = Query::parse(
            "q=PyTorch+2.3&q=team&node=a,b&node=c&registry=H.example:443&verdict=drifted,missing&tag=&sort=",
        )
        .unwrap();
        assert_eq!(query.filters.words, ["pytorch", "2.3", "team"]);
        assert_eq!(query.filters.nodes, ["a", "b", "c"]);
        assert_eq!(query.filters.registries, ["h.example"]);
        assert_eq!(query.filters.verdicts, [Verdict::Missing, Verdict::Drifted].into_iter().collect());
        assert_eq!((query.filters.tags.len(), query.sort, query.has_limit()), (0, Sort::Name, false));
    }

    #[test]
    fn too_many_words_are_refused() {
        let words: Vec<String> = (0..=MAX_VALUES).map(|word| word.to_string()).collect();
        assert_eq!(refused(&format!("q={}", words.join("+"))).0, "q");
        assert_eq!(refused(&format!("tag={}", words.join(","))).0, "tag");
    }

    #[test]
    fn queries_for_the_same_rows_have_the_same_hash() {
        let hash = |query| Query::parse(query).unwrap().hash();
        assert_eq!(hash("q=a&limit=1"), hash("limit=2&q=A"));
        assert_ne!(hash("q=a"), hash("q=b"));
        assert_ne!(hash("sort=size"), hash("sort=size&order=desc"));
        assert_ne!(hash("tag=a"), hash("node=a"));
    }
}
