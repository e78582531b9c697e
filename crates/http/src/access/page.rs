//! The page, which a person has to see to log in: how host and composition agree on what is open to all.
//!
//! The host passes a request for the page on although it has neither token nor session, and says so in a header. A composition that
//! heeds this marks its answer with the same header. The host keeps an answer without the mark back: a composition that knows nothing
//! of logins may answer `/` with rows.

use crate::response::Body;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// Of a request for the page: how its login stands. Of an answer: that it is open to all. Clients neither send nor see it.
pub(super) const ACCESS: HeaderName = HeaderName::from_static("image-service-access");
/// The client has to log in to see more than what is open to all.
pub(super) const LOGIN_REQUIRED: HeaderValue = HeaderValue::from_static("login-required");
/// The client has logged in.
pub(super) const LOGGED_IN: HeaderValue = HeaderValue::from_static("logged-in");
/// The answer is open to all.
const OPEN: &str = "open";

/// Whether an answer is open to all: marked so, or 304, which has no body. Removes the mark.
pub(super) fn take_mark(response: &mut Response<Body>) -> bool {
    let mark = response.headers_mut().remove(ACCESS);
    mark.is_some_and(|mark| mark == OPEN) || response.status() == StatusCode::NOT_MODIFIED
}
