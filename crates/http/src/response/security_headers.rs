//! Headers that make browsers treat every answer as data only.

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

/// It loads nothing, runs nothing, and stands in no other page.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// A day, not a year: browsers hold it against every port of the host's name, and a node has others.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=86400");

/// Adds the headers that the answer does not set itself: a composition of an operator may serve pages. Called where an answer is
/// made, so that a kept answer has them already.
pub fn harden(headers: &mut HeaderMap) {
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(NO_SNIFF);
    headers.entry(REFERRER_POLICY).or_insert(NO_REFERRER);
}

/// Adds the headers of an answer over TLS.
pub(crate) fn over_tls(headers: &mut HeaderMap) {
    headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(HTTPS_ONLY);
}
