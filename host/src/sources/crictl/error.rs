//! The errors of a request to the node.

use image_service_telemetry::source::FailureKind;
use thiserror::Error;

/// Why the node gave no list of images. The message says what the program tried, what came back, and what to do.
#[derive(Clone, Debug, Error)]
#[error("{}{}", sentence(.cause, .remedy), .also)]
pub struct Error {
    kind: ErrorKind,
    cause: String,
    /// What the operator can do; empty where the cause says all.
    remedy: String,
    /// What else the program tried, as a text that follows the remedy.
    also: String,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Neither a runtime nor crictl answered.
    Unavailable,
    /// The runtime or crictl exists, but this program has no permission to use it.
    Denied,
    /// No answer came in time, and the host stopped waiting.
    TimedOut,
    /// The answer is no list of images.
    Malformed,
    /// The program itself failed.
    Internal,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, cause: cause.into(), remedy: remedy.into(), also: String::new() }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Adds to the message what else the program tried. Of several remedies, only those for missing permissions help: without
    /// them another way is as good.
    pub(super) fn also_tried(mut self, other: &Self) -> Self {
        let remedy = if other.kind == ErrorKind::Denied { &other.remedy } else { "" };
        self.also.push_str("; also tried: ");
        self.also.push_str(&sentence(&other.cause, remedy));
        self
    }
}

fn sentence(cause: &str, remedy: &str) -> String {
    if remedy.is_empty() { cause.to_owned() } else { format!("{cause}; {remedy}") }
}

impl From<ErrorKind> for FailureKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::Malformed => Self::Malformed,
            ErrorKind::Internal => Self::Other,
        }
    }
}
