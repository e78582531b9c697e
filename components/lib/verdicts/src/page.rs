//! The rows of a query: all of them, or one page.

use crate::filter::RowFilter;
use crate::inventory::Inventory;
use crate::order::{self, Key};
use crate::query::{DEFAULT_LIMIT, Query};
use crate::row::RowNumber;
use crate::verdict::Counts;
use std::cmp::Ordering;

/// The rows of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the query.
    pub rows: Vec<RowNumber>,
    /// The rows of all pages.
    pub total: u64,
    /// The rows of all pages by verdict, whatever verdicts the query wants: a client shows them for choosing.
    pub counts: Counts,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl Inventory {
    /// One page.
    pub fn page(&self, query: &Query) -> Page {
        self.select(query, Some(query.limit.unwrap_or(DEFAULT_LIMIT)))
    }

    /// All rows from the cursor on; not more than the query's limit where it has one.
    pub fn whole(&self, query: &Query) -> Page {
        self.select(query, query.limit)
    }

    fn select(&self, query: &Query, limit: Option<u32>) -> Page {
        let key = |number: RowNumber| Key::of_row(self, query.sort, &self.row(number));
        let directed = |order: Ordering| if query.descending { order.reverse() } else { order };
        let compare = |(rough, number): &(u64, RowNumber), (other_rough, other): &(u64, RowNumber)| {
            directed(rough.cmp(other_rough).then_with(|| key(*number).compare(&key(*other))))
        };
        let after = query.cursor.as_ref().map(|cursor| Key::of_cursor(self, cursor));
        let mut filter = RowFilter::new(self, &query.filters);
        let (mut rows, mut total, mut counts) = (Vec::new(), 0, Counts::default());
        for number in (0..self.rows()).map(RowNumber) {
            let row = self.row(number);
            if !filter.wants(&row) {
                continue;
            }
            counts.add(row.verdicts());
            if !filter.wants_verdicts(&row) {
                continue;
            }
            total += 1;
            if after.is_none_or(|after| directed(key(number).compare(&after)).is_gt()) {
                rows.push((order::rough(self, query.sort, &row), number));
            }
        }
        let limit = limit.map_or(rows.len(), |limit| limit as usize);
        let has_more = rows.len() > limit;
        if has_more {
            // Only the rows of the page need an order.
            rows.select_nth_unstable_by(limit, compare);
            rows.truncate(limit);
        }
        rows.sort_unstable_by(compare);
        let rows: Vec<_> = rows.into_iter().map(|(_, number)| number).collect();
        let last = rows.last().filter(|_| has_more);
        let next = last.map(|last| key(*last).cursor(query, &self.row(*last)).write());
        Page { rows, total, counts, next }
    }
}
