//! The requests of components that the host sends: methods that only read, and headers that say how to read. It logs and
//! counts each refusal.

use super::error::SendError;
use http::Uri;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, HOST, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE,
    USER_AGENT,
};
use http::request::Parts;
use image_service_http::routes::only_reads;
use image_service_telemetry::metrics;

/// Most bytes of an address, and of all headers together.
const MAX_LENGTH: usize = 8 * 1024;

/// The headers that pass. The host removes all others: it adds the login itself, and headers of framing, forwarding or hops
/// (`Transfer-Encoding`, `Host`, `X-Forwarded-For`, …) could make Harbor, or a proxy in front of it, see another request.
const ALLOWED_HEADERS: [HeaderName; 11] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CACHE_CONTROL,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    RANGE,
    USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    // Harbor then reads the project in a path as a name, also where it is a number.
    HeaderName::from_static("x-is-resource-name"),
];

/// Why the host refused a request or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The method does more than read.
    Method,
    /// The destination is not the configured Harbor.
    Destination,
    /// Harbor redirects to another server.
    Redirect,
    /// The header is not allowed; the host sends the request without it.
    Header,
    /// The address or the headers are too long.
    Length,
}

impl Refusal {
    fn reason(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Destination => "destination",
            Self::Redirect => "redirect",
            Self::Header => "header",
            Self::Length => "length",
        }
    }

    /// Logs and counts a refusal. `what` is the refused part of the request; the log shows it without line breaks.
    pub(super) fn report(self, what: &str) -> SendError {
        let what = what.chars().take(100).collect::<String>();
        tracing::warn!(reason = self.reason(), "refused to a component: {what:?}");
        metrics::component_request_refused(self.reason());
        SendError::Denied
    }
}

/// Checks a request, and removes the headers that are not allowed. `also` is one more allowed header.
pub(super) fn admit(parts: &mut Parts, also: &HeaderName) -> Result<(), SendError> {
    if !only_reads(&parts.method) {
        return Err(Refusal::Method.report(parts.method.as_str()));
    }
    // The host's WASI layer adds it, as components can't set it. The client adds it again when it sends the request.
    parts.headers.remove(HOST);
    let names: Vec<HeaderName> =
        parts.headers.keys().filter(|name| *name != also && !ALLOWED_HEADERS.contains(name)).cloned().collect();
    for name in names {
        let _ = Refusal::Header.report(name.as_str());
        parts.headers.remove(name);
    }
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if length(&parts.uri) > MAX_LENGTH || headers > MAX_LENGTH {
        return Err(Refusal::Length.report(parts.uri.path()));
    }
    Ok(())
}

fn length(uri: &Uri) -> usize {
    uri.authority().map_or(0, |authority| authority.as_str().len())
        + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const OWN: HeaderName = HeaderName::from_static("image-service-login");

    fn admitted(request: http::request::Builder) -> Option<Vec<String>> {
        let mut parts = request.body(()).unwrap().into_parts().0;
        admit(&mut parts, &OWN).ok()?;
        Some(parts.headers.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn only_headers_that_say_how_to_read_pass() {
        let mut request = Request::get("https://h/").header("accept", "application/json").header(OWN, "none");
        for name in
            ["authorization", "proxy-authorization", "cookie", "forwarded", "x-forwarded-for", "te", "x-real-ip"]
        {
            request = request.header(name, "x");
        }
        assert_eq!(admitted(request).unwrap(), ["accept", "image-service-login"]);
    }

    #[test]
    fn only_reading_methods_pass() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "get"] {
            assert_eq!(admitted(Request::builder().method(method).uri("https://h/")), None, "{method}");
        }
    }

    #[test]
    fn a_request_that_is_too_long_does_not_pass() {
        let long = "a".repeat(MAX_LENGTH);
        assert_eq!(admitted(Request::get(format!("https://h/{long}"))), None);
        assert_eq!(admitted(Request::get("https://h/").header("accept", long)), None);
    }
}
