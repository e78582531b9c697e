//! The receiver of a listing's rows and failures.

use crate::rows;
use image_model::types::{Failure, ListingBegin, Repository};

/// Receives rows and failures, each in the order of the listing.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Sink {
    /// Receives what is known before the first row, where anything is. Returns `false` when it wants no rows.
    async fn begin(&mut self, _begin: ListingBegin) -> bool {
        true
    }

    /// Receives rows, at least one. Returns `false` when it wants no more.
    async fn rows(&mut self, rows: Vec<Repository>) -> bool;

    /// Receives a failure.
    fn failed(&mut self, failure: Failure);
}

/// Passes rows on without the fields that a listing of tags does not have, where that is what the caller wants.
pub(crate) struct Trimmed<'k, K> {
    pub(crate) sink: &'k mut K,
    pub(crate) tags_only: bool,
}

impl<K: Sink> Sink for Trimmed<'_, K> {
    async fn begin(&mut self, begin: ListingBegin) -> bool {
        self.sink.begin(begin).await
    }

    async fn rows(&mut self, mut rows: Vec<Repository>) -> bool {
        if self.tags_only {
            rows::tags_only(&mut rows);
        }
        rows.is_empty() || self.sink.rows(rows).await
    }

    fn failed(&mut self, failure: Failure) {
        self.sink.failed(failure);
    }
}
