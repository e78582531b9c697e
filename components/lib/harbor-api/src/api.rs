//! Harbor's API as the listing sees it: one question at a time, and every way in which it can fail.

use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// Asks Harbor.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Api {
    /// Gets `path`, which follows `/api/v2.0` and begins with a slash. A reply has a success status.
    async fn get(&self, path: String) -> Result<Reply, Error>;

    /// The address that `path` is asked for at.
    fn url(&self, path: &str) -> String;

    /// From now on, asks as nobody: Harbor pauses at each wrong password.
    fn go_anonymous(&self);

    /// Whether the login counted the last time that there was a listing, so that it likely does now.
    fn was_logged_in(&self) -> bool {
        false
    }

    /// Notes whether the login counts, for the next listing.
    fn note_login(&self, _counts: bool) {}

    /// Whether a URL that Harbor named is on the configured Harbor.
    fn is_own(&self, url: &str) -> bool;
}

/// What came back with a success status.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// `X-Total-Count`: the rows of the whole list.
    pub total: Option<u64>,
    /// The `Link` headers, joined by commas.
    pub link: String,
    /// `Content-Type`.
    pub content_type: String,
    /// All of it.
    pub body: Vec<u8>,
}

/// What went wrong with one request. Reads as a sentence with the request, what came back, and what to do.
#[derive(Clone, Debug)]
pub struct Error {
    /// The address that was asked for.
    pub url: String,
    /// What came back.
    pub kind: Kind,
}

/// Ways in which a request goes wrong.
#[derive(Clone, Debug)]
pub enum Kind {
    /// No answer: the connection failed, broke, or took too long.
    NoAnswer(String),
    /// An answer that is no success.
    Status {
        /// The status code.
        status: u16,
        /// What [`said`] makes of its body.
        said: String,
        /// `Retry-After`: a date, or seconds with their unit.
        retry_after: Option<String>,
    },
    /// A success whose body is not what was asked for.
    Unreadable(String),
    /// Successes that don't fit together.
    Changing(String),
    /// Not asked for any more.
    Ended(Ended),
}

/// Why nothing is asked for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The last requests got no answer.
    NoAnswers,
    /// The listing has taken so long, which is all the time that it has.
    NoTime(Duration),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswers => f.write_str("Harbor stopped answering"),
            Self::NoTime(limit) => write!(
                f,
                "the listing of Harbor had not ended within {} s and was ended; raise listing_timeout (the setting \
                 harbor-listing-timeout) if Harbor is just slow",
                limit.as_secs_f64()
            ),
        }
    }
}

impl Error {
    /// Why nothing is asked for any more, where that is so.
    pub fn ended(&self) -> Option<Ended> {
        match self.kind {
            Kind::Ended(why) => Some(why),
            _ => None,
        }
    }

    /// The status code, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self.kind {
            Kind::Status { status, .. } => Some(status),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {}: ", self.url)?;
        match &self.kind {
            Kind::NoAnswer(what) | Kind::Changing(what) => f.write_str(what),
            Kind::Unreadable(what) => {
                write!(f, "{what}; is the Harbor URL that of Harbor itself, with its path prefix if it has one?")
            }
            Kind::Ended(why) => write!(f, "not asked, as {why}"),
            Kind::Status { status, said, retry_after } => {
                write!(f, "Harbor answered {status}")?;
                if !said.is_empty() {
                    write!(f, " ({said})")?;
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

/// Harbor's own words in an error body, or the beginning of another body; at most 200 characters.
pub fn said(body: &[u8]) -> String {
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
        let kind = Kind::Status {
            status,
            said: said(br#"{"errors":[{"code":"DENIED","message":"no"}]}"#),
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
    fn a_body_that_is_not_harbors_is_shortened_to_one_line() {
        assert_eq!(said(b"<html>\n <h1>Bad Gateway</h1>"), "<html> <h1>Bad Gateway</h1>");
        assert_eq!(said("é".repeat(500).as_bytes()).chars().count(), 200);
        assert_eq!(said(b""), "");
    }
}
