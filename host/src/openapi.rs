//! `/openapi.json`: what this program answers, from docs/openapi.yaml.

use crate::content::Content;
use crate::problem::answer;
use http::header::{ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Where it is.
pub(crate) const PATH: &str = "/openapi.json";

const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The tag of the document; `None` never happens, as hexadecimal digits may stand in a header.
static TAG: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let digest = Sha256::digest(DOCUMENT).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    HeaderValue::try_from(format!("\"{digest}\"")).ok()
});

/// Answers GET and HEAD.
pub(crate) fn document(headers: &HeaderMap) -> Response<Content> {
    let mut response = if has_it(headers) {
        let mut response = answer(StatusCode::NOT_MODIFIED, "application/json", "");
        response.headers_mut().remove(http::header::CONTENT_TYPE);
        response
    } else {
        answer(StatusCode::OK, "application/json", DOCUMENT)
    };
    if let Some(tag) = &*TAG {
        response.headers_mut().insert(ETAG, tag.clone());
    }
    response
}

/// Whether the client says that it has the document (RFC 9110, section 13.1.2).
fn has_it(headers: &HeaderMap) -> bool {
    let Some(tag) = TAG.as_ref().and_then(|tag| tag.to_str().ok()) else { return false };
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}
