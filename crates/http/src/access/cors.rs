//! Cross-origin requests (the Fetch standard, section 3.3): which web pages' scripts may read answers.
//!
//! By hand on purpose: tower-http's layer answers each OPTIONS request with 200. Here a refused origin gets 403 and the name of
//! the configuration key, and OPTIONS that is no preflight reaches the application.

use crate::response::{Body, problem, text};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, Response, StatusCode};
use image_service_config::Cors;

const ANY: HeaderValue = HeaderValue::from_static("*");
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// Request headers that this program reads and that a browser sends only with permission.
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, cache-control, if-none-match, pragma, traceparent, tracestate");
/// Response headers that a script may need and that a browser hides from it otherwise.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("age, allow, cache-status, date, etag, retry-after, www-authenticate, x-request-id");
/// Seconds for which a browser remembers the permission. Some browsers cap it at two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The decision about the origin of a request.
pub(super) struct CorsDecision {
    origin: Option<HeaderValue>,
    /// Whether the answer depends on the origin.
    varies: bool,
}

impl CorsDecision {
    pub(super) fn of(cors: &Cors, headers: &HeaderMap) -> Self {
        let sent = headers.get(ORIGIN);
        match cors {
            Cors::Any => Self { origin: sent.map(|_| ANY), varies: false },
            Cors::Origins(origins) => {
                Self { origin: sent.filter(|sent| origins.contains(sent)).cloned(), varies: true }
            }
        }
    }

    /// The answer to a preflight request, which a browser sends before the request itself and without a token.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let headers = request.headers();
        let is_preflight = request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight {
            return None;
        }
        if self.origin.is_none() {
            return Some(problem(
                StatusCode::FORBIDDEN,
                "Scripts of this origin are not in access_config.cors_origins.",
            ));
        }
        let mut response = text(StatusCode::NO_CONTENT, "", "");
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// Adds the decision to an answer.
    pub(super) fn apply(self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}
