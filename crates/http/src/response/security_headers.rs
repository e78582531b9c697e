//! Headers that make browsers treat every answer as data only.

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

/// The page loads nothing, runs nothing, and no other page may embed it.
const NO_CONTENT: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// One day, not a year: browsers apply it to every port of the host name, and other services may run on the node.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=86400");

/// Adds the headers that the answer does not set itself: an operator's composition may serve pages. Called when an answer is
/// made, so that a kept answer already has them.
pub fn harden(headers: &mut HeaderMap) {
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NO_CONTENT);
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(NO_SNIFF);
    headers.entry(REFERRER_POLICY).or_insert(NO_REFERRER);
}

/// Adds the headers of an answer over TLS.
pub(crate) fn over_tls(headers: &mut HeaderMap) {
    headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(HTTPS_ONLY);
}
