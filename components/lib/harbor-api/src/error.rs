//! Why a request to Harbor gave no usable reply.

use image_model::types::FailureCode;
use serde::Deserialize;
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
                "the listing of Harbor had not ended within {} s and was ended; raise listing_timeout (the setting \
                 harbor-listing-timeout) if Harbor is just slow",
                limit.as_secs_f64()
            ),
        }
    }
}

impl Error {
    /// What kind of failure it is, for programs.
    pub fn code(&self) -> FailureCode {
        match &self.kind {
            ErrorKind::NoResponse(code, _) => *code,
            ErrorKind::Status { status: 401 | 403, .. } => FailureCode::Denied,
            ErrorKind::Status { status: 404, .. } => FailureCode::NotFound,
            ErrorKind::Status { status: 408, .. } => FailureCode::TimedOut,
            ErrorKind::Status { status: 429, .. } => FailureCode::Throttled,
            ErrorKind::Status { status: 300..=399 | 422, .. } => FailureCode::Misconfigured,
            ErrorKind::Status { status: 500.., .. } => FailureCode::Unavailable,
            ErrorKind::Status { .. } => FailureCode::Other,
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
            ErrorKind::Status { status, .. } => Some(status),
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
                if !excerpt.is_empty() {
                    write!(f, " ({excerpt})")?;
                }
                match (status, retry_after) {
                    (300..=399, _) => f.write_str("; use the address that it redirects to as the Harbor URL"),
                    (401, _) => f.write_str("; check Harbor's user and password"),
                    (403, _) => f.write_str("; the user needs to be allowed to read this"),
                    (404, _) => f.write_str("; check the Harbor URL and the project's name"),
                    (422, _) => f.write_str("; check page_size, which may be 1 to 100"),
                    (429, Some(after)) => {
                        write!(
                            f,
                            "; it limits requests, try again after {after} (Retry-After) or lower max_concurrency"
                        )
                    }
                    (429, None) => f.write_str("; it limits requests, try again later or lower max_concurrency"),
                    (500.., _) => f.write_str("; see Harbor's own logs"),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Error {}

/// The failure of a response with an error status.
pub fn of_status(status: u16, body: &[u8], retry_after: Option<String>) -> ErrorKind {
    let body = Body::read(body);
    let absent = match &body {
        Body::OfHarbor(items) if status == 404 => items.iter().find_map(Item::absent),
        Body::OfHarbor(_) | Body::Other(_) => None,
    };
    ErrorKind::Status { status, excerpt: body.excerpt(), absent, retry_after }
}

/// The body of an error.
enum Body {
    /// In the form of Harbor's API.
    OfHarbor(Vec<Item>),
    /// Anything else.
    Other(String),
}

/// An error of Harbor's API.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Item {
    /// What is not there, where the message is such as `artifact team/app:1.0 not found`. Of a path that no part of Harbor
    /// knows, the message is `path /api/v2.0/nothing was not found`.
    fn absent(&self) -> Option<String> {
        let (thing, rest) = self.message.split_once(' ')?;
        let is_thing = matches!(thing, "artifact" | "repository" | "project") && self.code == "NOT_FOUND";
        rest.strip_suffix(" not found").filter(|_| is_thing).map(str::to_owned)
    }
}

impl Body {
    fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Item>,
        }
        match serde_json::from_slice::<Errors>(body) {
            Ok(Errors { errors }) => Self::OfHarbor(errors),
            Err(_) => Self::Other(String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }

    /// The messages of Harbor, or the beginning of any other body; at most 200 characters.
    fn excerpt(self) -> String {
        let text = match self {
            Self::OfHarbor(items) => {
                items.iter().map(|item| format!("{}: {}", item.code, item.message)).collect::<Vec<_>>().join(", ")
            }
            Self::Other(text) => text,
        };
        text.chars().filter(|c| !c.is_control()).take(200).collect()
    }
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
    fn a_body_of_another_server_is_shortened_to_one_line() {
        let excerpt = |body: &[u8]| Body::read(body).excerpt();
        assert_eq!(excerpt(b"<html>\n <h1>Bad Gateway</h1>"), "<html> <h1>Bad Gateway</h1>");
        assert_eq!(excerpt("é".repeat(500).as_bytes()).chars().count(), 200);
        assert_eq!(excerpt(b""), "");
    }
}
