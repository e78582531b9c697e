//! What a listing came to, which is known at its end only: the handler says it in trailers, which clients never see.

use super::metrics;
use super::source::Source;
use http::{HeaderMap, HeaderName};
use std::sync::{Arc, OnceLock};

/// How many items `errors` has.
const ERRORS: HeaderName = HeaderName::from_static("image-service-errors");
/// Rows by source, such as `containerd=35, harbor=412`.
const ROWS: HeaderName = HeaderName::from_static("image-service-rows");

/// What a listing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Items of `errors`.
    pub(crate) errors: Option<u64>,
    rows: [Option<u64>; Source::ALL.len()],
}

/// A tally that may be known later, of an answer whose body does not tell it itself.
pub(crate) type Told = Arc<OnceLock<Tally>>;

impl Tally {
    /// Takes what is said of a listing out of its trailers, and counts it; nothing where nothing is said.
    pub(crate) fn take(trailers: &mut HeaderMap) -> Option<Self> {
        let (errors, rows) = (trailers.remove(ERRORS), trailers.remove(ROWS));
        if errors.is_none() && rows.is_none() {
            return None;
        }
        let mut tally = Self { errors: errors.and_then(|count| count.to_str().ok()?.parse().ok()), ..Self::default() };
        for item in rows.iter().filter_map(|rows| rows.to_str().ok()).flat_map(|rows| rows.split(',')) {
            // Sources of other compositions, by names that we do not know, are not told apart: labels are to be few.
            if let Some((name, count)) = item.trim().split_once('=')
                && let Some(source) = Source::ALL.into_iter().find(|source| source.name() == name)
            {
                tally.rows[source as usize] = count.parse().ok();
            }
        }
        for source in Source::ALL {
            if let Some(rows) = tally.rows(source) {
                metrics::source_gave(source, rows);
            }
        }
        Some(tally)
    }

    /// The rows of one source.
    pub(crate) fn rows(&self, source: Source) -> Option<u64> {
        self.rows[source as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_the_handler_says_is_read_and_taken_out() {
        let mut trailers = HeaderMap::new();
        trailers.insert(ERRORS, HeaderValue::from_static("2"));
        trailers.insert(ROWS, HeaderValue::from_static("containerd=35, mine=1, harbor=412"));
        trailers.insert("other", HeaderValue::from_static("stays"));
        let tally = Tally::take(&mut trailers).unwrap();
        assert_eq!(
            (tally.errors, tally.rows(Source::Containerd), tally.rows(Source::Harbor)),
            (Some(2), Some(35), Some(412))
        );
        assert_eq!(trailers.len(), 1);
        assert_eq!(Tally::take(&mut trailers), None);
    }

    #[test]
    fn nonsense_is_nothing() {
        let mut trailers = HeaderMap::new();
        trailers.insert(ROWS, HeaderValue::from_static("containerd, harbor=many,=,"));
        assert_eq!(Tally::take(&mut trailers), Some(Tally::default()));
    }
}
