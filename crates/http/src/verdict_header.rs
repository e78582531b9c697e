//! The header by which a composition says how many rows have each verdict. Clients never see it; the metrics have it.

use http::HeaderMap;
use image_model::protocol::VERDICTS_HEADER;
use image_service_config::duration::from_secs;
use image_service_telemetry::metrics::{self, VerdictRows};
use std::time::Duration;
use verdicts::VerdictSummary;

/// Takes the header out of an answer, and sets the metrics, which show it for this time.
pub fn take(headers: &mut HeaderMap, lifetime: Duration) {
    let Some(value) = headers.remove(VERDICTS_HEADER) else { return };
    // Compositions of operators may say something else.
    let Some(VerdictSummary { rows, age }) = value.to_str().ok().and_then(VerdictSummary::of_header) else { return };
    let rows: Vec<_> = rows.into_iter().map(|(verdict, rows)| (verdict.label(), rows)).collect();
    metrics::rows_judged(&VerdictRows { rows: &rows, age: from_secs(age), lifetime });
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn clients_never_see_the_header_whatever_it_says() {
        for value in ["missing=1; age=0", "nonsense", "missing=1; age=18446744073709551615"] {
            let mut headers = HeaderMap::from_iter([(http::header::AGE, HeaderValue::from_static("1"))]);
            headers.insert(VERDICTS_HEADER, HeaderValue::from_static(value));
            take(&mut headers, Duration::ZERO);
            assert_eq!(headers.len(), 1, "{value}");
        }
    }
}
