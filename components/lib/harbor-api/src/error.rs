//! Why a request to Harbor gave no usable reply.

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
    NoResponse(String),
    /// A response whose status is no success.
    Status {
        /// The status code.
        status: u16,
        /// The [`excerpt`] of its body.
        excerpt: String,
        /// `Retry-After`: a date, or seconds with their unit.
        retry_after: Option<String>,
    },
    /// A success whose body is not of the expected form.
    InvalidBody(String),
    /// Successes that contradict each other.
    Inconsistent(String),
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
    /// Why the request was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        match self.kind {
            ErrorKind::Cancelled(reason) => Some(reason),
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
            ErrorKind::NoResponse(what) | ErrorKind::Inconsistent(what) => f.write_str(what),
            ErrorKind::InvalidBody(what) => {
                write!(f, "{what}; does the Harbor URL lead to Harbor itself, with its path prefix if it has one?")
            }
            ErrorKind::Cancelled(why) => write!(f, "not asked, as {why}"),
            ErrorKind::Status { status, excerpt, retry_after } => {
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

/// The messages of Harbor in an error body, or the beginning of any other body; at most 200 characters.
pub fn excerpt(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let text = match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors }) => {
            errors.iter().map(|item| format!("{}: {}", item.code, item.message)).collect::<Vec<_>>().join(", ")
        }
        Err(_) => String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" "),
    };
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<&str>) -> String {
        let kind = ErrorKind::Status {
            status,
            excerpt: excerpt(br#"{"errors":[{"code":"DENIED","message":"no"}]}"#),
            retry_after: retry_after.map(str::to_owned),
        };
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
    fn a_body_of_another_server_is_shortened_to_one_line() {
        assert_eq!(excerpt(b"<html>\n <h1>Bad Gateway</h1>"), "<html> <h1>Bad Gateway</h1>");
        assert_eq!(excerpt("é".repeat(500).as_bytes()).chars().count(), 200);
        assert_eq!(excerpt(b""), "");
    }
}
