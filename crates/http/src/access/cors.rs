//! Cross-origin requests (the Fetch standard, section 3.3): which web pages' scripts may read answers.

use crate::response::{Body, problem, text};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, Response, StatusCode};
use image_service_config::Cors;

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// Those of a request that mean something here and need to be allowed.
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, cache-control, if-none-match, pragma, traceparent, tracestate");
/// Those of an answer that mean something to a script and need to be exposed.
const ANSWER_HEADERS: HeaderValue =
    HeaderValue::from_static("age, allow, cache-status, date, etag, retry-after, www-authenticate, x-request-id");
/// How long a browser need not ask again; more than two hours is cut by some.
const SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// The decision about a request's origin.
pub(super) struct Allowed {
    origin: Option<HeaderValue>,
    /// Whether another origin is told something else.
    varies: bool,
}

impl Allowed {
    pub(super) fn of(cors: &Cors, headers: &HeaderMap) -> Self {
        let sent = headers.get(ORIGIN);
        match cors {
            Cors::Any => Self { origin: sent.map(|_| ANY), varies: false },
            Cors::These(origins) => Self { origin: sent.filter(|sent| origins.contains(sent)).cloned(), varies: true },
        }
    }

    /// The answer to a browser that asks whether it may ask, before it does; it sends no token yet.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
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
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, SECONDS);
        Some(response)
    }

    /// What any answer says about it.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}
