//! What a listing says of its sources to the host, in a trailer: which it asked, and how they failed.

use crate::protocol::failure_code;
use crate::types::{Failure, FailureCode};
use crate::visible::visible;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Most bytes of a message in the trailer.
const MAX_MESSAGE_BYTES: usize = 600;

/// A source that the listing asked, and one kind of its failures; without a code it did not fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport<'a> {
    /// The source's name.
    pub source: Cow<'a, str>,
    /// The code of these failures, as [`failure_code`] names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'a, str>>,
    /// How many there are.
    #[serde(default, skip_serializing_if = "is_0")]
    pub count: u64,
    /// The message of the first one.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub message: Cow<'a, str>,
}

fn is_0(count: &u64) -> bool {
    *count == 0
}

/// The trailer about the sources that a listing asked. Failures that only say how old rows are, or that there is no such source, are
/// none.
pub fn trailer<'s, 'f>(asked: &[&'s str], failures: impl IntoIterator<Item = (&'s str, &'f Failure)>) -> String {
    let mut reports: Vec<SourceReport<'_>> = Vec::new();
    for (source, failure) in failures {
        if matches!(failure.code, FailureCode::Stale | FailureCode::NotConfigured) || !asked.contains(&source) {
            continue;
        }
        let code = failure_code(failure.code);
        match reports.iter_mut().find(|report| report.source == source && report.code.as_deref() == Some(code)) {
            Some(report) => report.count = report.count.saturating_add(1),
            None => reports.push(SourceReport {
                source: source.into(),
                code: Some(code.into()),
                count: 1,
                message: message(failure).into(),
            }),
        }
    }
    for source in asked {
        if !reports.iter().any(|report| report.source == *source) {
            reports.push(SourceReport { source: (*source).into(), code: None, count: 0, message: "".into() });
        }
    }
    serde_json::to_string(&reports).unwrap_or_default()
}

/// Reads a [`trailer`]; nothing where it is none.
pub fn read(trailer: &[u8]) -> Vec<SourceReport<'static>> {
    serde_json::from_slice(trailer).unwrap_or_default()
}

/// What failed, and how, in a bounded number of bytes.
fn message(failure: &Failure) -> String {
    let names = [failure.node.as_deref(), failure.repository.as_deref()];
    let mut message: String = names.into_iter().flatten().map(|name| format!("{name}: ")).collect();
    message += &failure.message;
    // A trailer has no control characters.
    message = visible(&message).into_owned();
    if message.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
        message.truncate(end);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{CONTAINERD, HARBOR};

    #[test]
    fn failures_are_counted_by_source_and_code_and_read_back() {
        let of = |code, message: &str| Failure::of_source(code, message.to_owned());
        let repository = Failure::of_repository(FailureCode::Denied, "a/b".to_owned(), "é".repeat(1000));
        let failures = [
            of(FailureCode::TimedOut, "late\n"),
            of(FailureCode::TimedOut, "later"),
            of(FailureCode::Stale, "old rows"),
            repository,
        ];
        let trailer = trailer(&[CONTAINERD, HARBOR], failures.iter().map(|failure| (HARBOR, failure)));
        let reports = read(trailer.as_bytes());
        let told: Vec<_> =
            reports.iter().map(|report| (&*report.source, report.code.as_deref(), report.count)).collect();
        assert_eq!(told, [(HARBOR, Some("timed_out"), 2), (HARBOR, Some("denied"), 1), (CONTAINERD, None, 0)]);
        assert_eq!(reports[0].message, "late\\n");
        assert!(reports[1].message.starts_with("a/b: éé") && reports[1].message.len() < 610);
        assert!(read(b"{").is_empty());
    }

    #[test]
    fn a_source_that_nobody_asked_or_wants_is_not_told() {
        let off = Failure::of_source(FailureCode::NotConfigured, "off".to_owned());
        assert_eq!(trailer(&[CONTAINERD], [(HARBOR, &off)]), r#"[{"source":"containerd"}]"#);
    }
}
