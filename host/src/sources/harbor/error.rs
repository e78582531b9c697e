//! The errors of a request to Harbor, and whether another try may succeed.

use image_service_telemetry::source::FailureKind;
use std::time::Duration;

/// Why a request to Harbor got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The host's policy refuses the request: its method, destination or length.
    #[error("the request was not sent (HttpRequestDenied)")]
    Denied,
    /// A redirect leads to an address that HTTP can't express.
    #[error("the request was not sent (HttpRequestUriInvalid)")]
    InvalidUri,
    /// The policy allowed the request, and sending it failed.
    #[error("{message}")]
    Failed {
        /// The kind of failure, for metrics.
        kind: FailureKind,
        /// What came back, and what to do.
        message: String,
    },
}

impl SendError {
    pub(super) fn failed(kind: FailureKind, message: String) -> Self {
        Self::Failed { kind, message }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message =
            format!("the answer is larger than {limit} bytes; limits_config.max_upstream_bytes sets the limit");
        Self::failed(FailureKind::TooLarge, message)
    }

    /// The headers of an answer are larger than `limit` says.
    pub(super) fn headers_too_large(limit: &str) -> Self {
        let message =
            format!("the headers of the answer are larger than {limit}; what adds them? A proxy before Harbor may");
        Self::failed(FailureKind::TooLarge, message)
    }

    /// The kind of failure, for metrics.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Denied | Self::InvalidUri => FailureKind::RefusedByHost,
            Self::Failed { kind, .. } => *kind,
        }
    }
}

/// Whether and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// Never, because another try would fail in the same way.
    Never,
    /// After the usual wait.
    Later,
    /// After the usual wait, until the time limit: a proxy says that Harbor is not there, as it does while Harbor starts.
    Starting,
    /// After this time, as the server asks.
    After(Duration),
}
