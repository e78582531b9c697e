//! The summary of a listing: rows by source, and failures. The handler sends it in trailers at the end, which clients
//! never see.

use http::{HeaderMap, HeaderName};
use image_model::types::Method;
use image_model::{protocol, report};
use image_service_telemetry::source::Source;
use image_service_telemetry::{failure_log, metrics};
use std::sync::{Arc, OnceLock};

/// The number of items of `errors`.
const ERRORS: HeaderName = HeaderName::from_static(protocol::ERRORS_TRAILER);
/// How Harbor was read.
const LISTING: HeaderName = HeaderName::from_static(protocol::LISTING_TRAILER);
/// The sources that were asked, and how they failed.
const SOURCES: HeaderName = HeaderName::from_static(protocol::SOURCES_TRAILER);
/// Rows by source.
const ROWS: HeaderName = HeaderName::from_static(protocol::ROWS_TRAILER);

/// The summary of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListingSummary {
    /// Items of `errors`.
    pub errors: Option<u64>,
    /// How Harbor was read.
    pub method: Option<Method>,
    rows: [Option<u64>; Source::ALL.len()],
}

/// A summary that may arrive later, for an answer whose own body does not carry it.
pub type PendingSummary = Arc<OnceLock<ListingSummary>>;

impl ListingSummary {
    /// Takes the summary out of the trailers of a listing, sets the metrics of rows, and has the log tell which sources fail; `None`
    /// where the trailers have none.
    pub fn take(trailers: &mut HeaderMap) -> Option<Self> {
        if let Some(sources) = trailers.remove(SOURCES) {
            failure_log::listed(&report::read(sources.as_bytes()));
        }
        let [errors, rows, listing] = [ERRORS, ROWS, LISTING].map(|name| trailers.remove(name));
        if errors.is_none() && rows.is_none() && listing.is_none() {
            return None;
        }
        let mut summary = Self {
            errors: errors.and_then(|count| count.to_str().ok()?.parse().ok()),
            method: listing.and_then(|listing| protocol::parse_listing_trailer(listing.to_str().ok()?)),
            ..Self::default()
        };
        summary.method.into_iter().for_each(metrics::harbor_listed);
        let rows = rows.iter().filter_map(|rows| rows.to_str().ok()).flat_map(protocol::rows_by_source);
        for (name, count) in rows {
            // Compositions of operators may have sources of their own. They get no label, so labels stay a fixed set.
            if let Some(source) = Source::ALL.into_iter().find(|source| source.name() == name) {
                summary.rows[source as usize] = count;
            }
        }
        for source in Source::ALL {
            if let Some(rows) = summary.rows(source) {
                metrics::source_returned(source, rows);
            }
        }
        Some(summary)
    }

    /// The rows of one source.
    pub fn rows(&self, source: Source) -> Option<u64> {
        self.rows[source as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_trailers_of_the_handler_are_read_and_removed() {
        let mut trailers = HeaderMap::new();
        trailers.insert(ERRORS, HeaderValue::from_static("2"));
        trailers.insert(ROWS, HeaderValue::from_static("containerd=35, mine=1, harbor=412"));
        trailers.insert(LISTING, HeaderValue::from_static("changes"));
        trailers.insert("other", HeaderValue::from_static("stays"));
        let summary = ListingSummary::take(&mut trailers).unwrap();
        assert_eq!(
            (summary.errors, summary.rows(Source::Containerd), summary.rows(Source::Harbor)),
            (Some(2), Some(35), Some(412))
        );
        assert_eq!(summary.method, Some(Method::Changes));
        assert_eq!(trailers.len(), 1);
        assert_eq!(ListingSummary::take(&mut trailers), None);
    }

    #[test]
    fn malformed_trailers_give_an_empty_summary() {
        let mut trailers = HeaderMap::new();
        trailers.insert(ROWS, HeaderValue::from_static("containerd, harbor=many,=,"));
        assert_eq!(ListingSummary::take(&mut trailers), Some(ListingSummary::default()));
    }
}
