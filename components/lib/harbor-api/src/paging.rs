//! Reads Harbor's lists page by page, although they change meanwhile.
//!
//! Lists are cut by offset, newest first. A push during the reading moves rows onto the next page, where they appear a second
//! time; a deletion moves rows onto a page that is already read, where they are missed, and makes the list shorter. So each
//! row has a key, and the reader compares the rows with the number that Harbor announced. Where there are fewer, or where the
//! list became shorter, it reads the list again, in an order in which no two rows can be equal (goharbor/harbor#14433).

use crate::api::Api;
use crate::dedup::{ByKey, UniqueKey};
use crate::error::{Error, ErrorKind};
use crate::memory::MAX_BUFFERED_ROWS;
use crate::page::{Limits, List, Page, Row};
use crate::progress::{Progress, RepeatDetector};
use futures::{StreamExt, poll, stream};
use indexmap::IndexSet;
use std::pin::pin;

/// Most times that a list is read that changes, or that has other rows than it announces.
const MAX_PASSES: usize = 3;

/// Most times that the reader goes back in a long list because the list changed. After that, the list is a failure.
const MAX_REWINDS: usize = 100;

/// A list, as far as it could be read.
pub(crate) enum WholeList<T> {
    /// All rows, or the rows before the failure.
    Rows(Vec<T>, Option<Truncated>),
    /// The list has more rows than are buffered, of which these were read.
    TooLong(Vec<T>),
}

/// Why a list was not read to its end.
#[derive(Clone)]
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

    /// A list that announces more rows than it has.
    pub(crate) fn short(api: &impl Api, list: &List, total: u64, rows: usize) -> Self {
        let what = format!(
            "Harbor announces {total} rows and gave {rows}, each time that it was asked; the others may be of a kind that it \
             hides (such as signatures, before Harbor 2.6), or its database is in trouble"
        );
        Self::after(Error { url: api.url(&list.path), kind: ErrorKind::Inconsistent(what) }, Some(total), rows)
    }
}

/// Gives each page of a list to `take` in order. The caller already has the first page. `take` says whether the page brought
/// new rows and whether to go on.
///
/// The reader requests pages ahead of their turn. So a page may show the list as it was before a push that an earlier page
/// shows, or after a deletion that an earlier page does not show: then rows between the two pages are missing. In both cases
/// the later page has a smaller total, and the reader goes back by as many rows as the total shrank. A page with a larger
/// total repeats some rows.
pub(crate) async fn for_each_page<T: Row>(
    api: &impl Api,
    list: &List,
    limits: Limits,
    first: Page<T>,
    mut take: impl AsyncFnMut(Page<T>) -> Progress,
) -> Result<(), Error> {
    let size = limits.page_size as u64;
    // The number and total of the last page that `take` received, and whether another page follows.
    let (mut number, mut total, mut more) = (1, first.total, first.more);
    let mut foreign_link: Option<Error> = first.foreign_link.clone();
    let mut first = Some(first);
    let mut rewinds = 0;
    'list: loop {
        // Pages that exist for certain.
        let known = total.unwrap_or_default().div_ceil(size);
        let ahead = stream::iter(number + 1..=known).map(|number| Page::get(api, list, limits, number));
        let mut ahead = pin!(ahead.buffered(limits.concurrency).peekable());
        if let Some(first) = first.take() {
            // The next requests are under way while the first page is taken.
            let _ = poll!(ahead.as_mut().peek());
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
            match take(next).await {
                Progress::Stop => break 'list,
                // Otherwise a server that repeats one page, or announces a next page for ever, would never come to an end.
                Progress::NoNewRows if number > known => break 'list,
                Progress::NewRows | Progress::NoNewRows => {}
            }
        }
    }
    foreign_link.map_or(Ok(()), Err)
}

/// What one pass over a list found.
struct Pass<T> {
    rows: IndexSet<ByKey<T>>,
    /// The total of the first page.
    announced: Option<u64>,
    /// The total of the last page.
    total: Option<u64>,
    /// Whether a page had a smaller total than an earlier one.
    shrank: bool,
}

impl<T> Pass<T> {
    /// Whether it has all rows. A list that grew during the first pass is read again, so that it has the new rows too; one that
    /// goes on growing has at least those that were there from the beginning of the pass to its end.
    fn is_whole(&self, number: usize) -> bool {
        let steady = !self.shrank && (number > 1 || self.total == self.announced);
        steady && self.announced.is_none_or(|announced| self.rows.len() as u64 >= announced)
    }
}

enum PassEnd {
    Whole,
    TooLong,
    Failed(Error),
}

/// Reads a list once.
async fn pass<T: Row + UniqueKey>(api: &impl Api, list: &List, limits: Limits) -> (Pass<T>, PassEnd) {
    let mut pass = Pass { rows: IndexSet::new(), announced: None, total: None, shrank: false };
    let first = match Page::<T>::get(api, list, limits, 1).await {
        Ok(first) => first,
        Err(error) => return (pass, PassEnd::Failed(error)),
    };
    (pass.announced, pass.total) = (first.total, first.total);
    if limits.believes_totals && pass.total.is_some_and(|total| total > limits.buffered_rows as u64) {
        return (pass, PassEnd::TooLong);
    }
    pass.rows.reserve(capacity(pass.total));
    let (mut bytes, mut too_long, mut repeats) = (0_usize, false, RepeatDetector::default());
    let outcome = for_each_page(api, list, limits, first, async |page: Page<T>| {
        pass.shrank |= page.total.is_some_and(|total| pass.total.is_some_and(|before| total < before));
        pass.total = page.total.or(pass.total);
        let before = pass.rows.len();
        for row in page.items {
            let size = row.bytes();
            if pass.rows.insert(ByKey(row)) {
                bytes = bytes.saturating_add(size);
            }
        }
        too_long = pass.rows.len() > limits.buffered_rows || bytes > limits.buffered_bytes;
        if too_long { Progress::Stop } else { repeats.count(pass.rows.len() - before, pass.rows.len()) }
    })
    .await;
    let end = match outcome.err().or_else(|| repeats.error(api, list)) {
        _ if too_long => PassEnd::TooLong,
        Some(error) => PassEnd::Failed(error),
        None => PassEnd::Whole,
    };
    (pass, end)
}

/// Reads a whole list, each row once. Reads it again where it changed meanwhile, or has other rows than it announces.
pub(crate) async fn read_all<T: Row + UniqueKey>(api: &impl Api, list: &List, limits: Limits) -> WholeList<T> {
    let unique = |rows: IndexSet<ByKey<T>>| rows.into_iter().map(|ByKey(row)| row).collect();
    let whole = |rows: IndexSet<ByKey<T>>, truncated| WholeList::Rows(unique(rows), truncated);
    // The rows of all passes: where no pass is whole, a row that one of them missed is in another.
    let mut found: IndexSet<ByKey<T>> = IndexSet::new();
    let (mut total, mut alike) = (None, 0);
    for number in 1..=MAX_PASSES {
        let list = if number == 1 { list.clone() } else { list.steady() };
        let (pass, end) = pass::<T>(api, &list, limits).await;
        match end {
            PassEnd::TooLong => return WholeList::TooLong(unique(pass.rows)),
            PassEnd::Failed(error) => {
                let announced = pass.total.or(total);
                found.extend(pass.rows);
                let truncated = Truncated::after(error, announced, found.len());
                return whole(found, Some(truncated));
            }
            PassEnd::Whole => {}
        }
        if pass.is_whole(number) {
            return whole(pass.rows, None);
        }
        // A list that is short in the same way twice is not read a third time.
        alike = if !pass.shrank && pass.total == total { alike + 1 } else { 1 };
        total = pass.total;
        found.extend(pass.rows);
        if alike == 2 {
            break;
        }
    }
    let truncated =
        total.filter(|total| *total > found.len() as u64).map(|total| Truncated::short(api, list, total, found.len()));
    whole(found, truncated)
}

/// Rows to reserve memory for. A server may announce more rows than a list has.
fn capacity(total: Option<u64>) -> usize {
    total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default().min(MAX_BUFFERED_ROWS)
}
