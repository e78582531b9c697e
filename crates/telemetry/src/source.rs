//! The sources of images, and the kinds of their failures, as labels of metrics.

use image_model::protocol;

/// A source of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The node's container runtime.
    Containerd,
    /// The registry.
    Harbor,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::Containerd, Self::Harbor];

    /// Its name in answers, labels and spans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Containerd => protocol::CONTAINERD,
            Self::Harbor => protocol::HARBOR,
        }
    }
}

/// Why a source failed; the label `kind` of `source_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No runtime, or no crictl, answers on the node.
    Unavailable,
    /// The source refused to answer: permissions on the node, 401 or 403 from Harbor.
    Denied,
    /// No complete answer came in time.
    TimedOut,
    /// The answer is not of the expected protocol or format.
    Malformed,
    /// The answer exceeds its limit.
    TooLarge,
    /// Nobody listens at Harbor's address.
    ConnectionRefused,
    /// The connection ended before the answer did.
    ConnectionBroken,
    /// The host name has no address.
    Dns,
    /// TLS failed: the certificate is not trusted, or both sides share no protocol.
    Tls,
    /// Harbor redirects to another origin, or without end.
    Redirect,
    /// Harbor answered 429.
    Throttled,
    /// Harbor answered another status from 400 to 499.
    ClientError,
    /// Harbor answered a status from 500 to 599.
    ServerError,
    /// The host's policy refused to send the request.
    RefusedByHost,
    /// Another reason: there is no connection, or the program itself failed.
    Other,
}

impl FailureKind {
    /// The value of the label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::TimedOut => "timed_out",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionBroken => "connection_broken",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Redirect => "redirect",
            Self::Throttled => "throttled",
            Self::ClientError => "status_4xx",
            Self::ServerError => "status_5xx",
            Self::RefusedByHost => "refused_by_host",
            Self::Other => "other",
        }
    }
}
