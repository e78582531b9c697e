//! When each source of a listing answered and failed last, whoever asked it.
//!
//! Those who ask a source report the outcome here, with the kind of a failure as a type. `/readyz` reads it, and each
//! failure counts in `source_errors_total`.

use crate::metrics;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

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
            Self::Containerd => "containerd",
            Self::Harbor => "harbor",
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
    /// The host's policy did not let the request out.
    RefusedByHost,
    /// No connection, for another reason.
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

/// When a source answered and failed last.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// When it answered last.
    pub answered: Option<SystemTime>,
    /// When it failed last.
    pub failed: Option<Failure>,
}

/// A failure of a source.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it happened.
    pub at: SystemTime,
    /// What was tried, on what, what came back, and what to do.
    pub message: String,
}

/// The status of every source under one configuration.
#[derive(Debug, Default)]
pub struct SourceHealth([Mutex<Status>; Source::ALL.len()]);

impl SourceHealth {
    /// The status of a source.
    pub fn status(&self, source: Source) -> Status {
        self.lock(source).clone()
    }

    /// The source answered just now.
    pub fn answered(&self, source: Source) {
        self.lock(source).answered = Some(SystemTime::now());
    }

    /// The source failed just now.
    pub fn failed(&self, source: Source, kind: FailureKind, message: String) {
        metrics::source_failed(source, kind);
        self.lock(source).failed = Some(Failure { at: SystemTime::now(), message });
    }

    fn lock(&self, source: Source) -> MutexGuard<'_, Status> {
        self.0[source as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
