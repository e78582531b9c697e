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
pub(crate) const MAX_VALUES: usize = 32;

pub(crate) const PARAMETERS: &str = "q, source, node, project, registry, verdict, tag, sort, order, limit, cursor";

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
    /// The same without limit and cursor.
    #[must_use]
    pub fn of_all_pages(&self) -> Self {
        Self { limit: None, cursor: None, ..self.clone() }
    }

    /// Reads the query of a URL, without its `?`.
    ///
    /// Filters may have several values, separated by commas or in several parameters; a row matches one of them. A filter or
    /// a cursor without a value is as good as none.
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
                    match &*name {
                        "sort" => parsed.sort = sort(&value)?,
                        "order" => parsed.descending = order(&value)?,
                        "limit" => parsed.limit = Some(limit(&value)?),
                        _ => cursor = Some(value.into_owned()).filter(|cursor| !cursor.is_empty()),
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
