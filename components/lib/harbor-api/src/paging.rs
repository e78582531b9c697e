//! Reads Harbor's lists page by page, although they change meanwhile.
//!
//! Lists are newest first. A push during the reading moves rows onto the next page, where they appear a second time; a
//! deletion moves rows onto a page that is already read, where they are missed. So each row has a key, and the reader starts
//! again when the length of the list has changed.

use crate::api::Api;
use crate::dedup::{ByKey, UniqueKey};
use crate::error::{Error, ErrorKind};
use crate::page::{Limits, List, MAX_BUFFERED_ROWS, Page, RawPage};
use crate::progress::{Progress, RepeatDetector};
use futures::{StreamExt, poll, stream};
use indexmap::IndexSet;
use serde::de::DeserializeOwned;
use std::pin::pin;

/// Most passes over a list that keeps changing. After the last one, the rows found so far count.
const MAX_PASSES: usize = 3;

/// Most times that the reader goes back in a long list because the list changed. After that, the list is a failure.
const MAX_REWINDS: usize = 100;

/// A list, as far as it could be read.
pub(crate) enum WholeList<T> {
    /// All rows, or the rows before the failure.
    Rows(Vec<T>, Option<Truncated>),
    /// The list has more rows than are buffered.
    TooLong,
}

/// Why a list was not read to its end.
pub(crate) struct Truncated {
    pub(crate) error: Error,
    /// Rows that were not read; `None` where not even their number is known.
    pub(crate) missing: Option<u64>,
}

impl Truncated {
    /// A list of `total` rows that ended after this many `rows`.
    pub(crate) fn after(error: Error, total: Option<u64>, rows: usize) -> Self {
        Self { error, missing: total.map(|total| total.saturating_sub(rows as u64)) }
    }
}

/// Gives each page of a list to `take` in order. The caller already has the first page. `take` says whether the page brought
/// new rows and whether to go on.
///
/// The reader requests pages ahead of their turn. So a page may show the list as it was before a push that an earlier page
/// shows, or after a deletion that an earlier page does not show: then rows between the two pages are missing. In both cases
/// the later page has a smaller total, and the reader goes back by as many rows as the total shrank. A page with a larger
/// total repeats some rows.
pub(crate) async fn for_each_page<T: DeserializeOwned>(
    api: &impl Api,
    list: &List,
    limits: Limits,
    first: RawPage,
    mut take: impl AsyncFnMut(Page<T>) -> Progress,
) -> Result<(), Error> {
    let size = limits.page_size as u64;
    // The number and total of the last page that `take` received, and whether another page follows.
    let (mut number, mut total, mut more) = (1, first.total(), false);
    let mut first = Some(first);
    let mut foreign_link: Option<Error> = None;
    let mut rewinds = 0;
    'list: loop {
        // Pages that exist for certain.
        let known = total.unwrap_or_default().div_ceil(size);
        let ahead = stream::iter(number + 1..=known).map(|number| Page::get(api, list, limits, number));
        let mut ahead = pin!(ahead.buffered(limits.concurrency).peekable());
        if let Some(first) = first.take() {
            // The next requests are under way while the first page is parsed.
            let _ = poll!(ahead.as_mut().peek());
            let first = first.parse(api, limits)?;
            (more, foreign_link) = (first.more, first.foreign_link.clone());
            if matches!(take(first).await, Progress::Stop) {
                break 'list;
            }
        }
        loop {
            let next = match ahead.next().await {
                Some(page) => page?,
                None if more => Page::get(api, list, limits, number + 1).await?,
                None => break 'list,
            };
            if let (Some(before), Some(now)) = (total, next.total)
                && now < before
            {
                rewinds += 1;
                if rewinds > MAX_REWINDS {
                    let what = "the list kept changing while it was read, so rows may be missing".to_owned();
                    return Err(Error { url: api.url(&list.path), kind: ErrorKind::Inconsistent(what) });
                }
                number = number.saturating_sub((before - now).div_ceil(size));
                (total, more) = (Some(now), false);
                continue 'list;
            }
            number += 1;
            total = next.total.or(total);
            more = next.more && number >= known;
            foreign_link = foreign_link.or_else(|| next.foreign_link.clone());
            let empty = next.items.is_empty();
            match take(next).await {
                Progress::Stop => break 'list,
                // Otherwise a server that repeats one page would never come to an end.
                Progress::NoNewRows if number > known => break 'list,
                _ if empty => break 'list,
                Progress::NewRows | Progress::NoNewRows => {}
            }
        }
    }
    foreign_link.map_or(Ok(()), Err)
}

/// Reads a whole list, each row once. Starts again when the length has changed meanwhile.
pub(crate) async fn read_all<T: DeserializeOwned + UniqueKey>(
    api: &impl Api,
    list: &List,
    limits: Limits,
) -> WholeList<T> {
    let mut rows: IndexSet<ByKey<T>> = IndexSet::new();
    let read = |rows: IndexSet<ByKey<T>>, truncated| {
        WholeList::Rows(rows.into_iter().map(|ByKey(row)| row).collect(), truncated)
    };
    for pass in 1..=MAX_PASSES {
        let first = match RawPage::get(api, list, limits, 1).await {
            Ok(first) => first,
            Err(error) => return read(rows, Some(Truncated { error, missing: None })),
        };
        let total = first.total();
        if total.is_some_and(|total| total > limits.buffered_rows as u64) {
            return WholeList::TooLong;
        }
        rows.reserve(capacity(total).saturating_sub(rows.len()));
        let (mut steady, mut too_long, mut repeats) = (true, false, RepeatDetector::default());
        // The total counts only once the first page could be parsed.
        let mut length = None;
        let outcome = for_each_page(api, list, limits, first, async |page: Page<T>| {
            length = total;
            steady &= page.total == total;
            let before = rows.len();
            rows.extend(page.items.into_iter().map(ByKey));
            too_long = rows.len() > limits.buffered_rows;
            if too_long { Progress::Stop } else { repeats.count(rows.len() - before, rows.len()) }
        })
        .await;
        if too_long {
            return WholeList::TooLong;
        }
        if let Some(error) = outcome.err().or_else(|| repeats.error(api, list)) {
            let truncated = Truncated::after(error, length, rows.len());
            return read(rows, Some(truncated));
        }
        if steady || pass == MAX_PASSES {
            break;
        }
    }
    read(rows, None)
}

/// Rows to reserve memory for. A server may announce more rows than a list has.
fn capacity(total: Option<u64>) -> usize {
    total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default().min(MAX_BUFFERED_ROWS)
}
