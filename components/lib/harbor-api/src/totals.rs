//! The totals that the pages of one reading of a list announce, and whether as many rows came.

use crate::api::Api;
use crate::error::{Error, ErrorKind};
use crate::page::List;

/// The totals of one reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    least: Option<u64>,
    last: Option<u64>,
    unsteady: bool,
}

impl Totals {
    /// Adds the total of a page.
    pub(crate) fn add(&mut self, total: Option<u64>) {
        let Some(total) = total else { return };
        self.unsteady |= self.last.is_some_and(|last| last != total);
        self.least = Some(self.least.map_or(total, |least| least.min(total)));
        self.last = Some(total);
    }

    /// The total of the last page.
    pub(crate) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Whether all pages announced the same total.
    pub(crate) fn is_steady(&self) -> bool {
        !self.unsteady
    }

    /// Whether so many rows are as many as announced; where the total changed, at least as many as were there throughout.
    pub(crate) fn agree_with(&self, rows: usize) -> bool {
        let rows = rows as u64;
        self.least.is_none_or(|least| if self.unsteady { rows >= least } else { rows == least })
    }

    /// The failure of a list of which so many rows came. It has both numbers.
    pub(crate) fn error(&self, api: &impl Api, list: &List, rows: usize) -> Error {
        let announced = self.least.unwrap_or_default();
        let what = format!("Harbor announces {announced} rows, and {rows} came, so the list may not be whole");
        Error { url: api.url(&list.path), kind: ErrorKind::Inconsistent(what) }
    }

    /// The failure where fewer rows came than were announced on each page.
    pub(crate) fn too_few(&self, api: &impl Api, list: &List, rows: usize) -> Option<Error> {
        self.least.is_some_and(|least| least > rows as u64).then(|| self.error(api, list, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(all: &[Option<u64>]) -> Totals {
        let mut totals = Totals::default();
        all.iter().for_each(|total| totals.add(*total));
        totals
    }

    #[test]
    fn a_steady_list_has_as_many_rows_as_announced_and_a_changing_one_at_least_the_fewest() {
        for (all, rows, agrees) in [
            (&[][..], 7, true),
            (&[None, None], 7, true),
            (&[Some(3), None, Some(3)], 3, true),
            (&[Some(3), Some(3)], 2, false),
            (&[Some(3), Some(3)], 4, false),
            (&[Some(3), Some(5)], 3, true),
            (&[Some(5), Some(3)], 4, true),
            (&[Some(5), Some(3)], 2, false),
        ] {
            assert_eq!(totals(all).agree_with(rows), agrees, "{all:?}, {rows}");
        }
    }
}
