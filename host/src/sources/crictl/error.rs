//! The errors of a request to the node.

use image_service_telemetry::source::FailureKind;
use thiserror::Error;

/// Why the node gave no list of images. The message says what the program tried, what came back, and what to do.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
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
    pub(super) fn unavailable(message: String) -> Self {
        Self { kind: ErrorKind::Unavailable, message }
    }

    pub(super) fn denied(message: String) -> Self {
        Self { kind: ErrorKind::Denied, message }
    }

    pub(super) fn timed_out(message: String) -> Self {
        Self { kind: ErrorKind::TimedOut, message }
    }

    pub(super) fn malformed(message: String) -> Self {
        Self { kind: ErrorKind::Malformed, message }
    }

    pub(super) fn internal(message: String) -> Self {
        Self { kind: ErrorKind::Internal, message }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Adds to the message what the program tried before.
    pub(super) fn after(self, before: &str) -> Self {
        Self { message: format!("{}; {before}", self.message), ..self }
    }
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
