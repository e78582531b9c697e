//! The sources of a listing, and how each of them stood when it was asked last.

use super::metrics;
use crate::crictl;
use http::Response;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use wasmtime_wasi_http::Error;

/// Who is asked for images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Containerd,
    Harbor,
}

/// How a source stood when it was asked last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// When it answered last.
    pub(crate) answered: Option<SystemTime>,
    /// When it failed last, and what was said about that.
    pub(crate) failed: Option<(SystemTime, String)>,
}

static SEEN: [Mutex<Seen>; Source::ALL.len()] =
    [const { Mutex::new(Seen { answered: None, failed: None }) }; Source::ALL.len()];

impl Source {
    pub(crate) const ALL: [Self; 2] = [Self::Containerd, Self::Harbor];

    /// Its name in answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::Harbor => "harbor",
        }
    }

    /// How it stood when it was asked last, whoever asked.
    pub(crate) fn seen(self) -> Seen {
        self.state().clone()
    }

    /// Forgets how it stood, as another configuration counts from now on.
    pub(crate) fn forget(self) {
        *self.state() = Seen::default();
    }

    fn state(self) -> MutexGuard<'static, Seen> {
        SEEN[self as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(self) {
        self.state().answered = Some(SystemTime::now());
    }

    fn failed(self, kind: &'static str, message: String) {
        metrics::source_failed(self, kind);
        self.state().failed = Some((SystemTime::now(), message));
    }
}

/// Takes note of what came of asking the node.
pub(crate) fn node_asked(outcome: &Result<crictl::Answer, crictl::Error>, elapsed: Duration) {
    metrics::source_took(Source::Containerd, elapsed);
    match outcome {
        Ok(_) => Source::Containerd.answered(),
        Err(error) => {
            let kind = match error {
                crictl::Error::Unavailable(_) => "unavailable",
                crictl::Error::Denied(_) => "denied",
                crictl::Error::TimedOut(_) => "timed_out",
                crictl::Error::Malformed(_) => "malformed",
            };
            Source::Containerd.failed(kind, error.to_string());
        }
    }
}

/// Takes note of what came of one request to Harbor.
pub(crate) fn harbor_asked<B>(outcome: &Result<Response<B>, Error>, elapsed: Duration) {
    let (status, failure) = match outcome {
        Ok(response) => {
            let status = response.status();
            let failure = match status.as_u16() {
                401 | 403 => Some("denied"),
                429 => Some("throttled"),
                500..=599 => Some("status_5xx"),
                400..=499 => Some("status_4xx"),
                _ => None,
            };
            (status.as_str().to_owned(), failure.map(|kind| (kind, format!("it answered {status}"))))
        }
        Err(Error::InternalError(Some(words))) => ("none".to_owned(), Some((kind(words), words.clone()))),
        Err(error) => ("none".to_owned(), Some(("refused_by_host", format!("the request was not sent ({error:?})")))),
    };
    metrics::upstream_took(&status, elapsed);
    match failure {
        None => Source::Harbor.answered(),
        Some((kind, message)) => Source::Harbor.failed(kind, message),
    }
}

/// What kind of failure is told in these words, which are those of `outbound`.
fn kind(words: &str) -> &'static str {
    const KINDS: [(&str, &str); 9] = [
        ("connection refused", "connection_refused"),
        ("no complete answer within", "timed_out"),
        ("certificate", "tls"),
        ("no TLS connection", "tls"),
        ("can't be resolved", "dns"),
        ("is no HTTP", "malformed"),
        ("is larger than", "too_large"),
        ("redirect", "redirect"),
        ("broke", "connection_broken"),
    ];
    KINDS.iter().find(|(part, _)| words.contains(part)).map_or("other", |(_, kind)| kind)
}
