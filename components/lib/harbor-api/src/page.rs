//! One page of a Harbor list: its request, its rows, and whether another page follows.

use crate::api::{Api, Reply};
use crate::error::{Error, ErrorKind};
use crate::memory::{self, Footprint, MAX_PAGE_BYTES};
use crate::scope::{Named, Scope};
use image_model::json_error::in_words;
use image_model::types::Detail;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The bounds of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rows of one page.
    pub(crate) page_size: usize,
    /// Requests under way at a time.
    pub(crate) concurrency: usize,
    /// Most rows of one list to buffer. The listing passes the rows of a longer list on as they arrive.
    pub(crate) buffered_rows: usize,
    /// Most bytes of them.
    pub(crate) buffered_bytes: usize,
    /// Whether a list that only announces more rows is not read.
    pub(crate) believes_totals: bool,
    /// Which artifacts give rows, and which of their fields the rows have.
    pub(crate) detail: Detail,
    /// Where Harbor marks changes of repositories: a moment that no mark is older than of what changes during the listing, in
    /// microseconds since 1970.
    pub(crate) changed_since: Option<i64>,
}

impl Limits {
    /// The limits for lists of names.
    pub(crate) fn of_names(self) -> Self {
        Self {
            buffered_rows: memory::MAX_NAMES,
            buffered_bytes: memory::MAX_NAME_BYTES,
            believes_totals: false,
            ..self
        }
    }
}

/// A list of Harbor's.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) path: String,
    /// Further parameters, such as `&with_tag=true`.
    pub(crate) query: Cow<'static, str>,
    /// The same, and an order in which no two rows are equal, newest first.
    pub(crate) steady_order: Cow<'static, str>,
    pub(crate) scope: Scope,
}

impl List {
    /// The path of one page, counted from 1.
    pub(crate) fn page(&self, limits: Limits, number: u64) -> String {
        format!("{}?page={number}&page_size={}{}", self.path, limits.page_size, self.query)
    }

    /// The same list, in that order.
    pub(crate) fn steady(&self) -> Self {
        Self { query: self.steady_order.clone(), ..self.clone() }
    }
}

/// A row of a list.
pub(crate) trait Row: DeserializeOwned + Footprint + Named + 'static {}

impl<T: DeserializeOwned + Footprint + Named + 'static> Row for T {}

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Rows of the whole list, where Harbor says so.
    pub(crate) total: Option<u64>,
    /// Whether another page follows.
    pub(crate) more: bool,
    /// The failure where `Link` names a next page on another server. The listing never goes there, as it asks for pages by
    /// number; but something is wrong with that `Link`.
    pub(crate) foreign_link: Option<Error>,
}

impl<T: Row> Page<T> {
    /// Gets one page.
    ///
    /// While Harbor's database is in trouble, a page may come with the status 200 and without any tag
    /// (goharbor/harbor#13285). The first page has the newest artifacts, which rarely are all untagged, so it is read again
    /// where they are; the others only after the database has shown trouble, because old artifacts often are.
    pub(crate) async fn get(api: &impl Api, list: &List, limits: Limits, number: u64) -> Result<Self, Error> {
        let page = Self::get_once(api, list, limits, number).await?;
        if !page.is_bare() || (number > 1 && !api.is_in_trouble()) {
            return Ok(page);
        }
        let again = Self::get_once(api, list, limits, number).await?;
        if !again.is_bare() {
            api.note_trouble();
        }
        Ok(again)
    }

    async fn get_once(api: &impl Api, list: &List, limits: Limits, number: u64) -> Result<Self, Error> {
        let path = list.page(limits, number);
        let url = api.url(&path);
        let (scope, page_size) = (list.scope.clone(), limits.page_size);
        let (mut page, next) = match api.get(path, move |reply| read(&reply, &scope, page_size, number)).await? {
            Ok(page) => page,
            Err(kind) => return Err(Error { url, kind }),
        };
        page.foreign_link = next.filter(|next| !api.is_own(next)).map(|next| Error {
            url,
            kind: ErrorKind::InvalidBody(format!("the next page is said to be at {next}, which is not on this Harbor")),
        });
        Ok(page)
    }

    fn is_bare(&self) -> bool {
        !self.items.is_empty() && self.items.iter().all(Named::is_bare)
    }
}

/// Reads a page, and the address of the next one.
fn read<T: Row>(
    reply: &Reply,
    scope: &Scope,
    page_size: usize,
    number: u64,
) -> Result<(Page<T>, Option<String>), ErrorKind> {
    let Rows(items) = parse_json(reply).map_err(ErrorKind::InvalidBody)?;
    if let Some(contradiction) = scope.contradiction(&items) {
        return Err(ErrorKind::Inconsistent(contradiction));
    }
    let next = next_link(&reply.link);
    // Harbor names the next page in `Link`. Where a proxy removed that header, the numbers decide. A page may be short or
    // empty although more follow: Harbor 2.5 removes signatures from a page after it cut the page.
    let more = next.is_some()
        || match reply.total {
            Some(total) => number.saturating_mul(page_size as u64) < total,
            None => items.len() >= page_size,
        };
    Ok((Page { items, total: reply.total, more, foreign_link: None }, next))
}

/// The rows of a page, or none where Harbor wrote `null`. Reading them fails where they would take too much memory.
struct Rows<T>(Vec<T>);

impl<'de, T: Deserialize<'de> + Footprint> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Footprint> Visitor<'de> for RowsVisitor<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_none<E: serde::de::Error>(self) -> Result<Rows<T>, E> {
                Ok(Rows(Vec::new()))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rows<T>, D::Error> {
                deserializer.deserialize_seq(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Rows<T>, A::Error> {
                let (mut rows, mut bytes) = (Vec::new(), 0_usize);
                while let Some(row) = items.next_element::<T>()? {
                    bytes = bytes.saturating_add(row.bytes());
                    if bytes > MAX_PAGE_BYTES {
                        let limit = MAX_PAGE_BYTES >> 20;
                        return Err(A::Error::custom(format!(
                            "the names and tags of one page take more than {limit} MiB"
                        )));
                    }
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_option(RowsVisitor(PhantomData))
    }
}

/// Reads the body of a reply. The error says what the body is instead.
pub(crate) fn parse_json<T: DeserializeOwned>(reply: &Reply) -> Result<T, String> {
    // One check of the whole text is faster than one for each string. Where the check fails, serde_json says which string
    // it is.
    let read = match str::from_utf8(&reply.body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(&reply.body),
    };
    read.map_err(|error| {
        let content_type = reply.content_type.split(';').next().unwrap_or_default().trim();
        if content_type.is_empty() || content_type == "application/json" {
            format!("the answer is not the JSON of Harbor's API ({})", in_words(&error))
        } else {
            format!("the answer is {content_type} where JSON was expected")
        }
    })
}

/// The target of `rel="next"` in `Link` (RFC 8288). Harbor does not escape the query, so commas are no boundaries.
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, parameters) = after.split_once('>')?;
        let end = parameters.find('<').unwrap_or(parameters.len());
        let is_next = parameters[..end].split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split_whitespace().any(|relation| relation == "next")
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = &parameters[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::ListedArtifact;

    #[test]
    fn the_next_page_is_found_among_several_links() {
        let header = r#"</api/v2.0/projects?page=1&page_size=2>; rel="prev" , </api/v2.0/projects?page=3&q=a=1,b=2>; rel="next""#;
        assert_eq!(next_link(header).as_deref(), Some("/api/v2.0/projects?page=3&q=a=1,b=2"));
        assert_eq!(next_link(r#"</a?page=1>; rel="prev""#), None);
        assert_eq!(next_link("</a>; rel=next").as_deref(), Some("/a"));
        assert_eq!(next_link(r#"</a>; title="x"; rel="last next""#).as_deref(), Some("/a"));
        for broken in ["", "next", "<unclosed; rel=next", "<>; rel", ">", "<<<"] {
            assert_eq!(next_link(broken), None, "{broken:?}");
        }
    }

    fn json(body: impl Into<Vec<u8>>) -> Reply {
        Reply { content_type: "application/json".into(), body: body.into(), ..Reply::default() }
    }

    #[test]
    fn a_body_that_is_no_json_is_described() {
        let html = Reply { content_type: "text/html; charset=utf-8".into(), body: "<html>".into(), ..Reply::default() };
        let message = |reply| parse_json::<Vec<u8>>(&reply).unwrap_err();
        assert!(message(html).contains("text/html where JSON"));
        assert!(message(json("[1, 2")).contains("line 1"));
    }

    #[test]
    fn null_is_an_empty_list_of_rows_and_of_tags() {
        let Rows(none) = parse_json::<Rows<ListedArtifact>>(&json("null")).unwrap();
        assert!(none.is_empty());
        let Rows(one) = parse_json::<Rows<ListedArtifact>>(&json(r#"[{"digest":"sha256:1","tags":null}]"#)).unwrap();
        assert!(one[0].tags.is_empty());
    }

    #[test]
    fn rows_that_would_take_too_much_memory_are_an_error_and_not_kept() {
        let tags = |count: usize| format!(r#"{{"digest":"d","tags":[{}]}}"#, vec!["{}"; count].join(","));
        let read =
            |rows: &[String]| parse_json::<Rows<ListedArtifact>>(&json(format!("[{}]", rows.join(",")))).map(|_| ());
        assert_eq!(read(&[tags(memory::MAX_TAGS)]), Ok(()));
        assert!(read(&[tags(memory::MAX_TAGS + 1)]).unwrap_err().contains("more than 50000 tags"));
        assert!(read(&vec![tags(memory::MAX_TAGS); 5]).unwrap_err().contains("more than 8 MiB"));
    }
}
