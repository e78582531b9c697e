//! Stops a list that does not end: a server may announce a large total and give one page again and again.

use crate::api::Api;
use crate::error::{Error, ErrorKind};
use crate::page::List;

/// Pages in a row that may bring no new row, besides one for each row of the list: in a second pass each row may be on a
/// page of its own.
const SPARE_PAGES: usize = 100;

/// The progress that a page brought.
pub(crate) enum Progress {
    NewRows,
    NoNewRows,
    /// The caller wants no more pages.
    Stop,
}

/// Counts pages in a row that bring no new row, and stops a list that has too many of them.
#[derive(Default)]
pub(crate) struct RepeatDetector {
    pages: usize,
    repeats: bool,
}

impl RepeatDetector {
    /// Counts a page with `new` rows, after which the list has `seen` rows.
    pub(crate) fn count(&mut self, new: usize, seen: usize) -> Progress {
        self.pages = if new == 0 { self.pages + 1 } else { 0 };
        self.repeats = self.pages > seen + SPARE_PAGES;
        match new {
            _ if self.repeats => Progress::Stop,
            0 => Progress::NoNewRows,
            _ => Progress::NewRows,
        }
    }

    /// The failure, where the list repeated itself.
    pub(crate) fn error(&self, api: &impl Api, list: &List) -> Option<Error> {
        let what = "the list repeats itself without an end, so rows may be missing".to_owned();
        self.repeats.then(|| Error { url: api.url(&list.path), kind: ErrorKind::Inconsistent(what) })
    }
}
