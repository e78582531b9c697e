//! What a client wants to have: a format, and nothing that it has already; and what its host wants.

#![forbid(unsafe_code)]

use image_model::protocol::{SUMMARY_HEADER, SUMMARY_WANTED};
use spin_sdk::http::HeaderMap;
use verdicts::Format;

/// The format that the client prefers (RFC 9110, section 12.5.1); JSON where it does not say, or wants something else.
pub(crate) fn format(headers: &HeaderMap) -> Format {
    let mut best = (Format::Json, 0.0);
    for accept in headers.get_all("accept") {
        for range in accept.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/json" | "application/*" | "*/*" => Format::Json,
                "application/x-ndjson" => Format::NdJson,
                "text/csv" => Format::Csv,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|quality| quality.parse().ok());
            let quality: f32 = quality.unwrap_or(1.0);
            if quality > best.1 {
                best = (format, quality);
            }
        }
    }
    best.0
}

/// Whether the client has the answer with this tag already (RFC 9110, section 13.1.2).
pub(crate) fn has(headers: &HeaderMap, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = headers.get_all("if-none-match").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim() == "*" || bare(listed) == bare(tag))
}

/// Whether the host takes the summary out of the answer.
pub(crate) fn wants_summary(headers: &HeaderMap) -> bool {
    headers.get(SUMMARY_HEADER).is_some_and(|value| value == SUMMARY_WANTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spin_sdk::http::HeaderValue;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::try_from(value).unwrap());
        headers
    }

    #[test]
    fn the_format_is_the_one_that_the_client_prefers() {
        let format = |accept| format(&headers("accept", accept));
        assert_eq!(format("text/csv"), Format::Csv);
        assert_eq!(format("application/x-ndjson;q=0.5, text/csv;q=0.4"), Format::NdJson);
        assert_eq!(format("text/html, */*;q=0.8"), Format::Json);
        assert_eq!(format("TEXT/CSV ; charset=utf-8"), Format::Csv);
        assert_eq!(format("image/png"), Format::Json);
        assert_eq!(super::format(&HeaderMap::new()), Format::Json);
    }

    #[test]
    fn tags_are_compared_weakly() {
        let has = |value| has(&headers("if-none-match", value), "W/\"1\"");
        assert!(has("W/\"1\"") && has("\"0\", \"1\"") && has("*"));
        assert!(!has("\"2\"") && !has(""));
    }

    #[test]
    fn only_a_host_that_says_so_gets_the_summary() {
        assert!(wants_summary(&headers(SUMMARY_HEADER, SUMMARY_WANTED)));
        assert!(!wants_summary(&headers("te", "trailers")) && !wants_summary(&headers(SUMMARY_HEADER, "")));
    }
}
