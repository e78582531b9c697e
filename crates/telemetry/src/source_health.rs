//! When a source last answered and last failed.
//!
//! The code that asks a source reports the outcome here, with the kind of a failure as a type. `/readyz` reads it, and each
//! failure counts in `source_errors_total`.

use crate::metrics;
use crate::moment::Moment;
use crate::source::{FailureKind, Source};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// When a source last answered and last failed.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// When it last answered.
    pub answered: Option<Moment>,
    /// When it last failed.
    pub failed: Option<Failure>,
}

/// A failure of a source.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it happened.
    pub at: Moment,
    /// The error: what the program tried, what came back, and what to do.
    pub message: String,
}

/// The status of a source, for as long as its configuration stays the same.
#[derive(Debug)]
pub struct SourceHealth {
    source: Source,
    status: Mutex<Status>,
}

impl SourceHealth {
    /// The health of a source that has not been asked yet.
    pub fn of(source: Source) -> Self {
        Self { source, status: Mutex::default() }
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// The source answered just now.
    pub fn answered(&self) {
        self.lock().answered = Some(Moment::now());
    }

    /// The source failed just now.
    pub fn failed(&self, kind: FailureKind, message: String) {
        metrics::source_failed(self.source, kind);
        self.lock().failed = Some(Failure { at: Moment::now(), message });
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
