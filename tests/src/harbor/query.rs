//! What the query of a list asks for: the page, the filter `q` and the order `sort`, as Harbor reads them.
//!
//! Recorded are pages, `with_tag`, `q=tags=*`, `q=tags=nil`, `q=update_time=[T~]`, a `q` without `=`, and `sort=-push_time`.
//! Seen on a real Harbor 2.16 and not recorded: ranges of ids with their sort, a range that begins at a row's own time, unknown
//! keys and unreadable values, which count for nothing. The other conditions are as Harbor's source says.

use super::timestamp::Timestamp;
use percent_encoding::percent_decode_str;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// More rows a page are refused.
const MAX_PAGE_SIZE: i64 = 100;

/// The parameters of a list, decoded.
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
    pub(super) page: i64,
    pub(super) page_size: i64,
    filters: Vec<(String, String)>,
    sort: Vec<(String, bool)>,
}

/// Why a query is refused: status, code and message.
pub(super) type Refusal = (u16, &'static str, String);

/// A value by which lists are filtered and sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    Time(Timestamp),
}

impl Query {
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let parameters: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
        let number = |name: &str, default: i64| match parameters.get(name).map(|value| value.parse()) {
            None => Ok(default),
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(invalid(&format!("{name} in query must be of type int64"))),
        };
        let (page, page_size) = (number("page", 1)?, number("page_size", 10)?);
        if page_size > MAX_PAGE_SIZE {
            return Err(invalid("page_size in query should be less than or equal to 100"));
        }
        let filters = filters(parameters.get("q").map_or("", String::as_str))?;
        let keys = parameters.get("sort").map_or("", String::as_str).split(',').filter(|key| !key.is_empty());
        let sort = keys.map(|key| match key.strip_prefix('-') {
            Some(key) => (key.to_owned(), true),
            None => (key.to_owned(), false),
        });
        let sort = sort.collect();
        Ok(Self { page, page_size, filters, sort, parameters })
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.parameters.get(name)?.parse().ok()
    }

    /// Whether rows come in another than the usual order, or some are left out by more than the filter for tags.
    pub(super) fn is_special(&self) -> bool {
        !self.sort.is_empty() || self.filters.iter().any(|(key, _)| key != "tags")
    }

    /// What the filter says about tags.
    pub(super) fn tags(&self) -> Option<&str> {
        self.filters.iter().find(|(key, _)| key == "tags").map(|(_, value)| value.as_str())
    }

    /// Whether a row passes the filters, apart from that for tags. `value` gives the row's values; a key without one is
    /// ignored, as Harbor ignores keys that it does not know.
    pub(super) fn passes(&self, value: impl Fn(&str) -> Option<Value>) -> bool {
        let passes = |(key, condition): &(String, String)| value(key).is_none_or(|value| value.meets(condition));
        self.filters.iter().all(passes)
    }

    /// The order of two rows. Keys that no row has are ignored.
    pub(super) fn order<T>(&self, one: &T, other: &T, value: impl Fn(&T, &str) -> Option<Value>) -> Ordering {
        let orders = self.sort.iter().map(|(key, descending)| {
            let order = value(one, key).cmp(&value(other, key));
            if *descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }

    /// How many rows come before the page, and how many it has at most. Without a size, all.
    pub(super) fn window(&self) -> (usize, usize) {
        match usize::try_from(self.page_size) {
            Err(_) | Ok(0) => (0, usize::MAX),
            Ok(size) => (usize::try_from(self.page - 1).unwrap_or(0).saturating_mul(size), size),
        }
    }

    /// The header `Link` of the page of a list with so many rows: host-relative, the query's keys in order and not encoded.
    pub(super) fn links(&self, path: &str, total: usize) -> Option<String> {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let link = |page: i64, relation: &str| {
            let mut parameters = self.parameters.clone();
            parameters.insert("page".to_owned(), page.to_string());
            parameters.insert("page_size".to_owned(), self.page_size.to_string());
            let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("<{path}?{}>; rel=\"{relation}\"", query.join("&"))
        };
        let mut links = Vec::new();
        if self.page_size != 0 && self.page > 1 && (self.page - 1).saturating_mul(self.page_size) <= total {
            links.push(link(self.page - 1, "prev"));
        }
        if self.page_size != 0 && self.page.saturating_mul(self.page_size) < total {
            links.push(link(self.page + 1, "next"));
        }
        (!links.is_empty()).then(|| links.join(" , "))
    }
}

impl Value {
    /// Whether it is what a condition of `q` says: a value, `~part`, `[min~max]`, `{one other}` or `(one other)`. A condition
    /// that Harbor can't read says nothing.
    fn meets(&self, condition: &str) -> bool {
        if let Some(range) = condition.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let Some((least, most)) = range.split_once('~') else { return true };
            return self.against(least).is_none_or(Ordering::is_ge) && self.against(most).is_none_or(Ordering::is_le);
        }
        if let Some(part) = condition.strip_prefix('~') {
            return !matches!(self, Self::Text(text) if !text.contains(part));
        }
        let list = condition.strip_prefix(['{', '(']).and_then(|rest| rest.strip_suffix(['}', ')']));
        match list {
            Some(list) => list.split(' ').any(|item| self.against(item).is_none_or(Ordering::is_eq)),
            None => self.against(condition).is_none_or(Ordering::is_eq),
        }
    }

    /// Compared with a value as `q` writes it; with none where that can't be read.
    fn against(&self, text: &str) -> Option<Ordering> {
        match self {
            Self::Text(own) => (!text.is_empty()).then(|| own.as_str().cmp(text)),
            Self::Number(own) => Some(own.cmp(&text.parse().ok()?)),
            Self::Time(own) => Some(own.cmp(&Timestamp::parse_filter(text)?)),
        }
    }
}

/// Decodes what was percent-encoded.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn filters(q: &str) -> Result<Vec<(String, String)>, Refusal> {
    let refused = |message: String| Err((400, "BAD_REQUEST", message));
    let filters = q.split(',').filter(|_| !q.is_empty()).map(|filter| match filter.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => match is_well_formed(value) {
            true => Ok((key.to_owned(), value.to_owned())),
            false => refused(format!("invalid query string value: {value}")),
        },
        _ => refused("the query string must contain \"=\" and the key/value cannot be empty".to_owned()),
    });
    filters.collect()
}

/// Whether a condition ends as it begins. As Harbor's source says; not recorded.
fn is_well_formed(condition: &str) -> bool {
    let inner = |end| condition.get(1..).and_then(|rest| rest.strip_suffix(end));
    match condition.chars().next() {
        Some('[') => inner(']').is_some_and(|range| range.matches('~').count() == 1 && range.len() > 1),
        Some('{') => inner('}').is_some(),
        Some('(') => inner(')').is_some(),
        Some('~') => condition.len() > 1,
        _ => true,
    }
}

fn invalid(message: &str) -> Refusal {
    (422, "UNPROCESSABLE_ENTITY", format!("validation failure list:\n{message}"))
}
