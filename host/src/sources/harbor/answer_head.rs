//! The bound of the head of an answer. A component that keeps answers keeps their heads, which the host holds.

use super::error::SendError;
use http::HeaderMap;

/// Most bytes of the headers of one answer. Harbor's have some hundred, and proxies rarely let eight thousand pass.
const MAX_BYTES: usize = 32 * 1024;

/// Refuses headers that are too large.
pub(super) fn check(headers: &HeaderMap) -> Result<(), SendError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_BYTES { Err(SendError::headers_too_large(&format!("{MAX_BYTES} bytes"))) } else { Ok(()) }
}
