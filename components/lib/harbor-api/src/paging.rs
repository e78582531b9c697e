//! Reading Harbor's lists page by page, although they change meanwhile.
//!
//! Lists are newest first: a push while paging moves rows onto the next page, where they come a second time; a deletion
//! moves them onto a page that was already read, where they are missed. So rows are told apart by a key, and a list whose
//! length changed while it was read is read again.

use crate::api::{Api, Error, Kind, Reply};
use crate::listing::{HELD_ROWS, Limits};
use futures::{StreamExt, poll, stream};
use indexmap::IndexSet;
use serde::de::DeserializeOwned;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::pin::pin;

/// How often a list that keeps changing is read before what was seen has to do.
const PASSES: usize = 3;

/// How often part of a long list is read again because it changed, before what was seen has to do.
const MAX_READ_AGAIN: usize = 100;

/// Pages in a row that may bring nothing new, besides as many as rows were seen: in another pass each row may be on a page of
/// its own. A server that tells of a large total and gives the same page again and again would never come to an end.
const IDLE_PAGES: usize = 100;

/// Counts pages that bring nothing new.
#[derive(Default)]
pub(crate) struct Idle {
    pages: usize,
    repeats: bool,
}

impl Idle {
    /// The step after a page that brought `new` rows where `seen` were seen in all.
    pub(crate) fn step(&mut self, new: usize, seen: usize) -> Step {
        self.pages = if new == 0 { self.pages + 1 } else { 0 };
        self.repeats = self.pages > seen + IDLE_PAGES;
        match new {
            _ if self.repeats => Step::Stop,
            0 => Step::NothingNew,
            _ => Step::New,
        }
    }

    /// The failure where the list repeated itself.
    pub(crate) fn failure(&self, api: &impl Api, list: &List) -> Option<Error> {
        let what = "the list repeats itself without an end, so rows may be missing".to_owned();
        self.repeats.then(|| Error { url: api.url(&list.path), kind: Kind::Changing(what) })
    }
}

/// What tells the rows of a list apart: a repository where there are several, and a name or digest.
pub(crate) trait Keyed {
    fn key(&self) -> (Option<&str>, &str);
}

/// Looked up by its key, which stays where it is.
struct ByKey<T>(T);

impl<T: Keyed> PartialEq for ByKey<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<T: Keyed> Eq for ByKey<T> {}

impl<T: Keyed> Hash for ByKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

/// A list of Harbor's: its path and what else is asked of it, such as `&with_tag=true`.
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
    more: bool,
    /// A next page on another server: never followed, as pages are asked for by number; but something is wrong there.
    stray: Option<Error>,
}

/// A list that was read, as far as that went.
pub(crate) enum Whole<T> {
    /// All of it, or what came before it stopped.
    Read(Vec<T>, Option<Stopped>),
    /// It has more rows than should be held at a time.
    TooLong,
}

/// Why a list was not read to its end.
pub(crate) struct Stopped {
    pub(crate) error: Error,
    /// Rows that were not read; `None` where not even the number of rows is known.
    pub(crate) missing: Option<u64>,
}

impl Stopped {
    /// After so many rows of a list of `total`.
    pub(crate) fn after(error: Error, total: Option<u64>, rows: usize) -> Self {
        Self { error, missing: total.map(|total| total.saturating_sub(rows as u64)) }
    }
}

/// A page as it came, counted from 1.
pub(crate) struct Answer {
    number: u64,
    url: String,
    reply: Reply,
}

/// Asks for one page.
pub(crate) async fn ask(api: &impl Api, list: &List, limits: Limits, number: u64) -> Result<Answer, Error> {
    let path = format!("{}?page={number}&page_size={}{}", list.path, limits.page_size, list.query);
    let url = api.url(&path);
    let reply = api.get(path).await?;
    Ok(Answer { number, url, reply })
}

impl Answer {
    /// Reads its rows.
    fn page<T: DeserializeOwned>(self, api: &impl Api, limits: Limits) -> Result<Page<T>, Error> {
        let Self { number, url, reply } = self;
        let items: Vec<T> = match parse(&reply) {
            Ok(items) => items,
            Err(what) => return Err(Error { url, kind: Kind::Unreadable(what) }),
        };
        let next = next_link(&reply.link);
        let stray = next.as_deref().filter(|next| !api.is_own(next)).map(|next| Error {
            url,
            kind: Kind::Unreadable(format!("the next page is said to be at {next}, which is not on this Harbor")),
        });
        // Harbor names the next page; where a proxy took the header away, the numbers tell.
        let more = next.is_some()
            || match reply.total {
                Some(total) => number.saturating_mul(limits.page_size as u64) < total,
                None => items.len() >= limits.page_size,
            };
        Ok(Page { items, total: reply.total, more, stray })
    }
}

/// Asks for one page and reads it.
async fn page<T: DeserializeOwned>(api: &impl Api, list: &List, limits: Limits, number: u64) -> Result<Page<T>, Error> {
    ask(api, list, limits, number).await?.page(api, limits)
}

/// Reads JSON, or says what came instead.
pub(crate) fn parse<T: DeserializeOwned>(reply: &Reply) -> Result<T, String> {
    // To check a whole text at once is faster than each string in it; where it is none, the strings tell which.
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

/// Gives each page of a list to `take` in order, the first of which has come already. `take` says whether the page
/// brought anything new and whether to go on.
///
/// Pages are asked for ahead of their turn, so a page may show the list as it was before a push that an earlier page
/// shows, or after a deletion that it does not: then rows between the two are missing. Either way it tells of fewer rows,
/// and it is read again, from as many rows before it as there are fewer. A page that tells of more rows repeats some.
pub(crate) async fn each<T: DeserializeOwned>(
    api: &impl Api,
    list: &List,
    limits: Limits,
    first: Answer,
    mut take: impl AsyncFnMut(Page<T>) -> Step,
) -> Result<(), Error> {
    let size = limits.page_size as u64;
    // The last page that was taken, the rows that it told of, and whether another followed it.
    let (mut number, mut total, mut more) = (1, first.reply.total, false);
    let mut first = Some(first);
    let mut stray: Option<Error> = None;
    let mut read_again = 0;
    'list: loop {
        // The pages that are known to be there.
        let known = total.unwrap_or_default().div_ceil(size);
        let ahead = stream::iter(number + 1..=known).map(|number| page(api, list, limits, number));
        let mut ahead = pin!(ahead.buffered(limits.concurrency).peekable());
        if let Some(first) = first.take() {
            // The next ones are on their way while the first one is read.
            let _ = poll!(ahead.as_mut().peek());
            let first = first.page(api, limits)?;
            (more, stray) = (first.more, first.stray.clone());
            if matches!(take(first).await, Step::Stop) {
                break 'list;
            }
        }
        loop {
            let next = match ahead.next().await {
                Some(page) => page?,
                None if more => page(api, list, limits, number + 1).await?,
                None => break 'list,
            };
            if let (Some(before), Some(now)) = (total, next.total)
                && now < before
            {
                read_again += 1;
                if read_again > MAX_READ_AGAIN {
                    let what = "the list kept changing while it was read, so rows may be missing".to_owned();
                    return Err(Error { url: api.url(&list.path), kind: Kind::Changing(what) });
                }
                number = number.saturating_sub((before - now).div_ceil(size));
                (total, more) = (Some(now), false);
                continue 'list;
            }
            number += 1;
            total = next.total.or(total);
            more = next.more && number >= known;
            stray = stray.or_else(|| next.stray.clone());
            let empty = next.items.is_empty();
            match take(next).await {
                Step::Stop => break 'list,
                // A server that repeats itself would never come to an end.
                Step::NothingNew if number > known => break 'list,
                _ if empty => break 'list,
                Step::New | Step::NothingNew => {}
            }
        }
    }
    stray.map_or(Ok(()), Err)
}

/// What a page brought.
pub(crate) enum Step {
    New,
    NothingNew,
    /// No more pages are wanted.
    Stop,
}

/// Reads a whole list, each row once; again where its length changed meanwhile.
pub(crate) async fn whole<T: DeserializeOwned + Keyed>(api: &impl Api, list: &List, limits: Limits) -> Whole<T> {
    let mut rows: IndexSet<ByKey<T>> = IndexSet::new();
    let read =
        |rows: IndexSet<ByKey<T>>, stopped| Whole::Read(rows.into_iter().map(|ByKey(row)| row).collect(), stopped);
    for pass in 1..=PASSES {
        let first = match ask(api, list, limits, 1).await {
            Ok(first) => first,
            Err(error) => return read(rows, Some(Stopped { error, missing: None })),
        };
        let total = first.reply.total;
        if total.is_some_and(|total| total > limits.held_rows as u64) {
            return Whole::TooLong;
        }
        rows.reserve(room(total).saturating_sub(rows.len()));
        let (mut steady, mut too_long, mut idle) = (true, false, Idle::default());
        // What it says of its length counts once its first page can be read.
        let mut length = None;
        let outcome = each(api, list, limits, first, async |page: Page<T>| {
            length = total;
            steady &= page.total == total;
            let before = rows.len();
            rows.extend(page.items.into_iter().map(ByKey));
            too_long = rows.len() > limits.held_rows;
            if too_long { Step::Stop } else { idle.step(rows.len() - before, rows.len()) }
        })
        .await;
        if too_long {
            return Whole::TooLong;
        }
        if let Some(error) = outcome.err().or_else(|| idle.failure(api, list)) {
            let stopped = Stopped::after(error, length, rows.len());
            return read(rows, Some(stopped));
        }
        if steady || pass == PASSES {
            break;
        }
    }
    read(rows, None)
}

/// Rows to make room for. A list may be said to be longer than it is.
fn room(total: Option<u64>) -> usize {
    total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default().min(HELD_ROWS)
}

/// Which of the latest rows of a long list were seen: enough to know those that pushes moved onto a later page, in a
/// memory that does not grow with the list.
pub(crate) struct Recent<K> {
    order: VecDeque<K>,
    set: HashSet<K>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone> Recent<K> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { order: VecDeque::new(), set: HashSet::new(), capacity }
    }

    /// Whether the row is new.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        if !self.set.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
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
    fn what_came_instead_of_json_is_said() {
        let reply = |content_type: &str, body: &str| Reply {
            content_type: content_type.into(),
            body: body.into(),
            ..Reply::default()
        };
        let message = |reply| parse::<Vec<u8>>(&reply).unwrap_err();
        assert!(message(reply("text/html; charset=utf-8", "<html>")).contains("text/html where JSON"));
        assert!(message(reply("application/json", "[1, 2")).contains("line 1"));
    }

    #[test]
    fn recent_rows_are_known_and_old_ones_forgotten() {
        let mut recent = Recent::new(2);
        assert!(recent.insert(1) && recent.insert(2));
        assert!(!recent.insert(1));
        assert!(recent.insert(3));
        assert!(recent.insert(1), "1 was the oldest of three");
        assert_eq!(recent.set.len(), 2);
    }
}
