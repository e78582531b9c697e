//! The receiver of a listing's rows and failures.

use image_model::types::{HarborRepository, SourceError};

/// Receives rows and failures, each in the order of the listing.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Sink {
    /// Receives rows, at least one. Returns `false` when it wants no more.
    async fn rows(&mut self, rows: Vec<HarborRepository>) -> bool;

    /// Receives a failure.
    fn failed(&mut self, error: SourceError);
}
