//! Reads Harbor's lists page by page, although they change meanwhile.
//!
//! Lists are newest first. A push during the reading moves rows onto the next page, where they appear a second time; a
//! deletion moves rows onto a page that is already read, where they are missed. So each row has a key, and the reader starts
//! again when the length of the list has changed, or when other rows came than Harbor announces.

use crate::api::Api;
use crate::dedup::{ByKey, UniqueKey};
use crate::error::{Error, ErrorKind};
use crate::memory::{MAX_NAME_BYTES, MAX_NAMES};
use crate::page::{Limits, List, MAX_BUFFERED_ROWS, Next, Page, RawPage};
use crate::progress::{Progress, RepeatDetector};
use crate::totals::Totals;
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
///
/// The list ends where Harbor announces no further page. Until then a page may be short, or have no row at all: some versions
/// of Harbor take signatures out of a page after they have cut it.
pub(crate) async fn for_each_page<T: DeserializeOwned + UniqueKey>(
    api: &impl Api,
    list: &List,
    limits: Limits,
    first: RawPage,
    mut take: impl AsyncFnMut(Page<T>) -> Progress,
) -> Result<(), Error> {
    let size = limits.page_size as u64;
    // The number and total of the last page that `take` received, and whether another page follows.
    let (mut number, mut total, mut following) = (1, first.total(), Next::None);
    let mut first = Some(first);
    let mut defect: Option<Error> = None;
    let mut rewinds = 0;
    'list: loop {
        // Pages that exist for certain.
        let known = total.unwrap_or_default().div_ceil(size);
        let ahead = stream::iter(number + 1..=known).map(|number| Page::get(api, list, limits, number));
        let mut ahead = pin!(ahead.buffered(limits.concurrency).peekable());
        if let Some(first) = first.take() {
            // The next requests are under way while the first page is parsed.
            let _ = poll!(ahead.as_mut().peek());
            let first = first.parse(api, list, limits)?;
            (following, defect) = (first.next, first.defect.clone());
            if matches!(take(first).await, Progress::Stop) {
                break 'list;
            }
        }
        loop {
            let next = match ahead.next().await {
                Some(page) => page?,
                None if following != Next::None => Page::get(api, list, limits, number + 1).await?,
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
                (total, following) = (Some(now), Next::None);
                continue 'list;
            }
            number += 1;
            total = next.total.or(total);
            following = if number >= known { next.next } else { Next::None };
            defect = defect.or_else(|| next.defect.clone());
            match take(next).await {
                Progress::Stop => break 'list,
                // Otherwise a server without totals that repeats one full page would never come to an end.
                Progress::NoNewRows if following == Next::Likely => break 'list,
                Progress::NewRows | Progress::NoNewRows => {}
            }
        }
    }
    defect.map_or(Ok(()), Err)
}

/// The rows of a list, each once, and which of them the present pass has seen.
struct Rows<T> {
    all: IndexSet<ByKey<T>>,
    /// By the place in `all`.
    seen: Vec<bool>,
    count: usize,
    /// About the memory of all.
    bytes: usize,
}

impl<T: UniqueKey> Rows<T> {
    /// Adds a page. A row that is there already is replaced, as a later page is newer.
    fn add(&mut self, items: Vec<T>) {
        for item in items {
            self.bytes += item.bytes();
            let (place, before) = self.all.replace_full(ByKey(item));
            self.bytes -= before.map_or(0, |ByKey(before)| before.bytes());
            self.seen.resize(self.all.len(), false);
            self.count += usize::from(!std::mem::replace(&mut self.seen[place], true));
        }
    }

    fn begin_pass(&mut self) {
        self.seen.fill(false);
        self.count = 0;
    }

    /// Whether this pass, or all passes together, brought what the totals announce.
    fn agree_with(&self, totals: &Totals) -> bool {
        totals.agree_with(self.count) || totals.agree_with(self.all.len())
    }

    fn end<E>(self, truncated: Option<E>) -> (Vec<T>, Option<E>) {
        (self.all.into_iter().map(|ByKey(row)| row).collect(), truncated)
    }
}

/// Reads a whole list, each row once. Starts again when the length has changed meanwhile; and once more when other rows came
/// than Harbor announces.
pub(crate) async fn read_all<T: DeserializeOwned + UniqueKey>(
    api: &impl Api,
    list: &List,
    limits: Limits,
) -> WholeList<T> {
    read_within(api, list, limits, Bound::Buffer).await
}

/// Reads a list of names. Of too many, it gives the first ones, and a failure.
pub(crate) async fn read_names<T: DeserializeOwned + UniqueKey>(
    api: &impl Api,
    list: &List,
    limits: Limits,
) -> (Vec<T>, Option<Truncated>) {
    match read_within(api, list, limits, Bound::Names).await {
        WholeList::Rows(rows, truncated) => (rows, truncated),
        WholeList::TooLong => (Vec::new(), None),
    }
}

/// What bounds the rows of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// The buffer. A longer list is read in another way.
    Buffer,
    /// Memory. There is no other way to read names.
    Names,
}

async fn read_within<T: DeserializeOwned + UniqueKey>(
    api: &impl Api,
    list: &List,
    limits: Limits,
    bound: Bound,
) -> WholeList<T> {
    let mut rows = Rows { all: IndexSet::new(), seen: Vec::new(), count: 0, bytes: 0 };
    let read = |rows: Rows<T>, truncated| {
        let (rows, truncated) = rows.end(truncated);
        WholeList::Rows(rows, truncated)
    };
    let exceeds = |rows, bytes| match bound {
        Bound::Buffer => limits.are_exceeded_by(rows, bytes),
        Bound::Names => rows > MAX_NAMES || bytes > MAX_NAME_BYTES,
    };
    let mut looked_again = false;
    for pass in 1..=MAX_PASSES {
        let first = match RawPage::get(api, list, limits, 1).await {
            Ok(first) => first,
            Err(error) => return read(rows, Some(Truncated { error, missing: None })),
        };
        let total = first.total();
        if bound == Bound::Buffer && total.is_some_and(|total| total > limits.buffered_rows as u64) {
            return WholeList::TooLong;
        }
        rows.all.reserve(capacity(total).saturating_sub(rows.all.len()));
        rows.begin_pass();
        // The totals count only once the first page could be parsed.
        let (mut totals, mut too_long, mut repeats) = (Totals::default(), false, RepeatDetector::default());
        let outcome = for_each_page(api, list, limits, first, async |page: Page<T>| {
            totals.add(page.total);
            let before = rows.all.len();
            rows.add(page.items);
            too_long = exceeds(rows.all.len(), rows.bytes);
            if too_long { Progress::Stop } else { repeats.count(rows.all.len() - before, rows.all.len()) }
        })
        .await;
        if too_long && bound == Bound::Buffer {
            return WholeList::TooLong;
        }
        if too_long {
            let what = format!(
                "the list has more than {MAX_NAMES} names or {MAX_NAME_BYTES} bytes of names, and the rest is left out"
            );
            let error = Error { url: api.url(&list.path), kind: ErrorKind::Inconsistent(what) };
            let truncated = Truncated::after(error, totals.last(), rows.all.len());
            return read(rows, Some(truncated));
        }
        if let Some(error) = outcome.err().or_else(|| repeats.error(api, list)) {
            let truncated = Truncated::after(error, totals.last(), rows.all.len());
            return read(rows, Some(truncated));
        }
        let agrees = rows.agree_with(&totals);
        let last = pass == MAX_PASSES || (looked_again && totals.is_steady());
        if last && !agrees {
            let received = rows.all.len();
            let error = totals.error(api, list, received);
            return read(rows, Some(Truncated::after(error, totals.last(), received)));
        }
        let enough = list.expected.is_none_or(|expected| rows.all.len() as u64 >= expected);
        if last || (agrees && enough && totals.is_steady()) {
            break;
        }
        looked_again |= totals.is_steady();
    }
    read(rows, None)
}

/// Rows to reserve memory for. A server may announce more rows than a list has.
fn capacity(total: Option<u64>) -> usize {
    total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default().min(MAX_BUFFERED_ROWS)
}
