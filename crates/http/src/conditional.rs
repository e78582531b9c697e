//! Conditional requests (RFC 9110, section 13.1.2): whether a client has a document already. By hand on purpose: the crate
//! `headers` brings three more crates, SHA-1 among them, for these few lines.

use http::HeaderMap;
use http::header::IF_NONE_MATCH;

/// Whether `If-None-Match` names this entity tag (weak comparison) or is `*`.
pub fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|known| known == "*" || opaque(known) == opaque(tag))
}

/// A tag without the `W/` of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
