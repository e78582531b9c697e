//! One page of a Harbor list: its request, its rows, and whether another page follows.

use crate::api::{Api, Reply};
use crate::error::{Error, ErrorKind};
use serde::de::DeserializeOwned;

/// Most rows of one list to buffer and sort. The listing reads a project with more artifacts repository by repository, and
/// streams a repository with more. Each row takes some 200 bytes.
pub(crate) const MAX_BUFFERED_ROWS: usize = 5_000;

/// The bounds of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rows of one page.
    pub(crate) page_size: usize,
    /// Requests under way at a time.
    pub(crate) concurrency: usize,
    /// Most rows of one list to buffer. The listing passes the rows of a longer list on as they arrive.
    pub(crate) buffered_rows: usize,
}

impl Limits {
    /// The limits for lists of names, which are always buffered.
    pub(crate) fn of_names(self) -> Self {
        Self { buffered_rows: usize::MAX, ..self }
    }
}

/// A list of Harbor's: its path, and further parameters such as `&with_tag=true`.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) path: String,
    pub(crate) query: &'static str,
}

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

/// A page before its body is parsed.
pub(crate) struct RawPage {
    /// Counted from 1.
    number: u64,
    url: String,
    reply: Reply,
}

impl RawPage {
    /// Gets one page.
    pub(crate) async fn get(api: &impl Api, list: &List, limits: Limits, number: u64) -> Result<Self, Error> {
        let path = format!("{}?page={number}&page_size={}{}", list.path, limits.page_size, list.query);
        let url = api.url(&path);
        let reply = api.get(path).await?;
        Ok(Self { number, url, reply })
    }

    /// Rows of the whole list, where Harbor says so.
    pub(crate) fn total(&self) -> Option<u64> {
        self.reply.total
    }

    /// Reads its rows.
    pub(crate) fn parse<T: DeserializeOwned>(self, api: &impl Api, limits: Limits) -> Result<Page<T>, Error> {
        let Self { number, url, reply } = self;
        let items: Vec<T> = match parse_json(&reply) {
            Ok(items) => items,
            Err(what) => return Err(Error { url, kind: ErrorKind::InvalidBody(what) }),
        };
        let next = next_link(&reply.link);
        let foreign_link = next.as_deref().filter(|next| !api.is_own(next)).map(|next| Error {
            url,
            kind: ErrorKind::InvalidBody(format!("the next page is said to be at {next}, which is not on this Harbor")),
        });
        // Harbor names the next page in `Link`. Where a proxy removed that header, the numbers decide.
        let more = next.is_some()
            || match reply.total {
                Some(total) => number.saturating_mul(limits.page_size as u64) < total,
                None => items.len() >= limits.page_size,
            };
        Ok(Page { items, total: reply.total, more, foreign_link })
    }
}

impl<T: DeserializeOwned> Page<T> {
    /// Gets one page and reads it.
    pub(crate) async fn get(api: &impl Api, list: &List, limits: Limits, number: u64) -> Result<Self, Error> {
        RawPage::get(api, list, limits, number).await?.parse(api, limits)
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
            format!("the answer is not the JSON of Harbor's API ({error})")
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

    #[test]
    fn a_body_that_is_no_json_is_described() {
        let reply = |content_type: &str, body: &str| Reply {
            content_type: content_type.into(),
            body: body.into(),
            ..Reply::default()
        };
        let message = |reply| parse_json::<Vec<u8>>(&reply).unwrap_err();
        assert!(message(reply("text/html; charset=utf-8", "<html>")).contains("text/html where JSON"));
        assert!(message(reply("application/json", "[1, 2")).contains("line 1"));
    }
}
