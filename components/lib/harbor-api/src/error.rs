//! Why a request to Harbor gave no usable reply.

use crate::error_body::{Body, Item};
use image_model::setting;
use image_model::types::FailureCode;
use std::fmt;
use std::time::Duration;

/// The failure of one request. Its text is a sentence with the request, the answer, and what to do.
#[derive(Clone, Debug)]
pub struct Error {
    /// The URL of the request.
    pub url: String,
    /// What went wrong.
    pub kind: ErrorKind,
}

/// Ways in which a request goes wrong.
#[derive(Clone, Debug)]
pub enum ErrorKind {
    /// No response: the connection failed, broke, or took too long.
    NoResponse(FailureCode, String),
    /// A response whose status is no success.
    Status {
        /// The status code.
        status: u16,
        /// The [`excerpt`] of its body.
        excerpt: String,
        /// What Harbor says is not there, such as `team/app:1.0`. A proxy says nothing of the kind.
        absent: Option<String>,
        /// `Retry-After`: a date, or seconds with their unit.
        retry_after: Option<String>,
    },
    /// A response whose status is no success, with a page of HTML. Harbor's API sends none, so it is a proxy's: Harbor's own
    /// nginx, or another one before it.
    OfProxy {
        /// The status code.
        status: u16,
        /// What the page says.
        excerpt: String,
        /// `Retry-After`: a date, or seconds with their unit.
        retry_after: Option<String>,
    },
    /// A success whose body is not of the expected form.
    InvalidBody(String),
    /// Successes that contradict each other.
    Inconsistent(String),
    /// More than a listing can hold.
    TooLarge(String),
    /// The client did not send the request, or did not wait for its response.
    Cancelled(CancelReason),
}

/// Why a listing sends no more requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Harbor did not respond to the last requests.
    Unresponsive,
    /// The listing took this long, which is all the time that it has.
    DeadlineExceeded(Duration),
}

impl CancelReason {
    /// What kind of failure it is, for programs.
    pub fn code(self) -> FailureCode {
        match self {
            Self::Unresponsive => FailureCode::Unavailable,
            Self::DeadlineExceeded(_) => FailureCode::TimedOut,
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresponsive => f.write_str("Harbor stopped answering"),
            Self::DeadlineExceeded(limit) => write!(
                f,
                "the listing of Harbor had not ended within {} s and was ended; raise {} if Harbor is just slow",
                limit.as_secs_f64(),
                setting::here("harbor-listing-timeout")
            ),
        }
    }
}

impl Error {
    /// What kind of failure it is, for programs.
    pub fn code(&self) -> FailureCode {
        match &self.kind {
            ErrorKind::NoResponse(code, _) => *code,
            ErrorKind::Status { status, excerpt, .. } | ErrorKind::OfProxy { status, excerpt, .. } => match status {
                400 if wants_tls(excerpt) => FailureCode::Misconfigured,
                401 | 403 | 407 => FailureCode::Denied,
                404 => FailureCode::NotFound,
                408 => FailureCode::TimedOut,
                429 => FailureCode::Throttled,
                300..=399 | 422 => FailureCode::Misconfigured,
                500.. => FailureCode::Unavailable,
                _ => FailureCode::Other,
            },
            ErrorKind::InvalidBody(_) => FailureCode::Malformed,
            ErrorKind::Inconsistent(_) => FailureCode::Inconsistent,
            ErrorKind::TooLarge(_) => FailureCode::TooLarge,
            ErrorKind::Cancelled(reason) => reason.code(),
        }
    }

    /// Why the request was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        match self.kind {
            ErrorKind::Cancelled(reason) => Some(reason),
            _ => None,
        }
    }

    /// What Harbor says is not there.
    pub fn absent(&self) -> Option<&str> {
        match &self.kind {
            ErrorKind::Status { absent, .. } => absent.as_deref(),
            _ => None,
        }
    }

    /// The status code of the response, if it was no success.
    pub fn status(&self) -> Option<u16> {
        match self.kind {
            ErrorKind::Status { status, .. } | ErrorKind::OfProxy { status, .. } => Some(status),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {}: ", self.url)?;
        match &self.kind {
            ErrorKind::NoResponse(_, what) | ErrorKind::Inconsistent(what) | ErrorKind::TooLarge(what) => {
                f.write_str(what)
            }
            ErrorKind::InvalidBody(what) => {
                write!(f, "{what}; does the Harbor URL lead to Harbor itself, with its path prefix if it has one?")
            }
            ErrorKind::Cancelled(why) => write!(f, "not asked, as {why}"),
            ErrorKind::Status { status, excerpt, retry_after, .. } => {
                write!(f, "Harbor answered {status}")?;
                said(f, excerpt)?;
                match (status, retry_after) {
                    (400, _) if wants_tls(excerpt) => f.write_str(WRITE_HTTPS),
                    (300..=399, _) => f.write_str("; use the address that it redirects to as the Harbor URL"),
                    (401, _) => f.write_str("; check Harbor's user and password"),
                    (403, _) => f.write_str("; the user needs to be allowed to read this"),
                    (404, _) => f.write_str("; check the Harbor URL and the project's name"),
                    (422, _) => write!(f, "; check {}, which may be 1 to 100", setting::here("harbor-page-size")),
                    (429, after) => f.write_str(&limited(after.as_deref())),
                    (500.., _) => f.write_str("; see Harbor's own logs"),
                    _ => Ok(()),
                }
            }
            ErrorKind::OfProxy { status, excerpt, retry_after } => {
                write!(f, "a proxy before Harbor answered {status} with a page of HTML")?;
                said(f, excerpt)?;
                match (status, retry_after) {
                    (400, _) if wants_tls(excerpt) => f.write_str(WRITE_HTTPS),
                    (300..=399, _) => f.write_str("; use the address that it redirects to as the Harbor URL"),
                    (401 | 407, _) => f.write_str(
                        "; it wants a login of its own, which this program can't give: have it pass requests to \
                         /api/v2.0/ without one",
                    ),
                    (403, _) => f.write_str(
                        "; it refuses what Harbor never saw (a firewall, or a list of allowed addresses): have it pass GET \
                         requests to /api/v2.0/ from this machine",
                    ),
                    (404, _) => f.write_str("; it knows no Harbor at this address: check the Harbor URL and its path prefix"),
                    (413, _) => f.write_str(
                        "; Harbor never saw the request, which has no body: raise the proxy's limits, or ask Harbor itself",
                    ),
                    (429, after) => f.write_str(&limited(after.as_deref())),
                    (500.., _) => f.write_str(
                        "; the proxy can't reach Harbor, or Harbor's core is starting or down: see the proxy's log, and \
                         whether Harbor's containers run",
                    ),
                    _ => f.write_str("; see the proxy's log"),
                }
            }
        }
    }
}

/// The remedy where plain HTTP was sent to a port that speaks TLS.
const WRITE_HTTPS: &str = "; this port speaks https: begin the Harbor URL with https://";

/// Whether a server says that it wants TLS: nginx, and all servers written in Go.
fn wants_tls(excerpt: &str) -> bool {
    excerpt.contains("sent to HTTPS port") || excerpt.contains("HTTP request to an HTTPS server")
}

fn said(f: &mut fmt::Formatter<'_>, excerpt: &str) -> fmt::Result {
    if excerpt.is_empty() { Ok(()) } else { write!(f, " ({excerpt})") }
}

/// The remedy where requests are limited.
fn limited(retry_after: Option<&str>) -> String {
    let setting = setting::here("harbor-max-concurrency");
    match retry_after {
        Some(after) => format!("; it limits requests, try again after {after} (Retry-After) or lower {setting}"),
        None => format!("; it limits requests, try again later or lower {setting}"),
    }
}

impl std::error::Error for Error {}

/// The failure of a response with an error status.
pub fn of_status(status: u16, body: &[u8], retry_after: Option<String>) -> ErrorKind {
    let body = Body::read(body);
    let excerpt = body.excerpt();
    let absent = match &body {
        Body::Page(_) => return ErrorKind::OfProxy { status, excerpt, retry_after },
        Body::OfHarbor(items) if status == 404 => items.iter().find_map(Item::absent),
        Body::OfHarbor(_) | Body::Other(_) => None,
    };
    ErrorKind::Status { status, excerpt, absent, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<&str>) -> String {
        let body = br#"{"errors":[{"code":"DENIED","message":"no"}]}"#;
        let kind = of_status(status, body, retry_after.map(str::to_owned));
        Error { url: "https://h/api/v2.0/projects".into(), kind }.to_string()
    }

    #[test]
    fn a_refusal_says_what_was_asked_what_came_back_and_what_to_do() {
        assert_eq!(
            status(401, None),
            "GET https://h/api/v2.0/projects: Harbor answered 401 (DENIED: no); check Harbor's user and password"
        );
        assert!(status(429, Some("30")).contains("after 30 (Retry-After)"));
        assert!(status(503, None).contains("logs"));
    }

    #[test]
    fn harbor_says_what_is_not_there_and_nobody_else_does() {
        let absent = |status, message: &str| {
            let body = serde_json::json!({"errors": [{"code": "NOT_FOUND", "message": message}]}).to_string();
            Error { url: String::new(), kind: of_status(status, body.as_bytes(), None) }.absent().map(str::to_owned)
        };
        // As Harbor 2.8.4 and 2.16.0 answer.
        assert_eq!(absent(404, "artifact team/app:9.9 not found").as_deref(), Some("team/app:9.9"));
        assert_eq!(absent(404, "repository team/nope not found").as_deref(), Some("team/nope"));
        assert_eq!(absent(404, "path /api/v2.0/projects/team/artifacts was not found"), None);
        assert_eq!(absent(500, "artifact team/app:9.9 not found"), None);
        let html = of_status(404, b"<h1>404 artifact a not found</h1>", None);
        assert_eq!(Error { url: String::new(), kind: html }.absent(), None);
    }

    #[test]
    fn a_page_of_html_is_a_proxys_and_each_status_has_its_remedy() {
        let said = |status: u16, title: &str| {
            let html = format!("<html><head><title>{title}</title></head><body></body></html>");
            let error = Error { url: "https://h".into(), kind: of_status(status, html.as_bytes(), None) };
            (error.code(), error.to_string())
        };
        for (status, code, remedy) in [
            (401, FailureCode::Denied, "a login of its own"),
            (403, FailureCode::Denied, "Harbor never saw"),
            (404, FailureCode::NotFound, "path prefix"),
            (413, FailureCode::Other, "raise the proxy's limits"),
            (429, FailureCode::Throttled, "harbor-max-concurrency"),
            (502, FailureCode::Unavailable, "see the proxy's log"),
            (418, FailureCode::Other, "see the proxy's log"),
        ] {
            let (found, text) = said(status, "no");
            assert!(
                text.contains(&format!("a proxy before Harbor answered {status} with a page of HTML (no); ")),
                "{text}"
            );
            assert!(found == code && text.contains(remedy), "{found:?}: {text}");
        }
        let (code, text) = said(400, "400 The plain HTTP request was sent to HTTPS port");
        assert!(code == FailureCode::Misconfigured && text.ends_with("begin the Harbor URL with https://"), "{text}");
    }

    #[test]
    fn a_server_of_go_that_wants_tls_is_told_as_that() {
        let kind = of_status(400, b"Client sent an HTTP request to an HTTPS server.\n", None);
        assert!(Error { url: String::new(), kind }.to_string().ends_with("begin the Harbor URL with https://"));
    }
}
