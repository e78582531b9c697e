//! The OpenAPI document, at `/openapi.json`: the build converts docs/openapi.yaml to JSON.

use base16ct::lower;
use http::header::{ETAG, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use image_service_http::conditional::has_tag;
use image_service_http::response::{Body, not_modified, text};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The entity tag of the document.
static TAG: LazyLock<String> =
    LazyLock::new(|| format!("\"{}\"", lower::encode_string(&Sha256::digest(DOCUMENT)[..8])));

/// Answers GET and HEAD.
pub(crate) fn document(headers: &HeaderMap) -> Response<Body> {
    let mut response =
        if has_tag(headers, &TAG) { not_modified() } else { text(StatusCode::OK, "application/json", DOCUMENT) };
    // Hexadecimal digits in quotes are always valid in a header.
    if let Ok(tag) = HeaderValue::from_str(&TAG) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
