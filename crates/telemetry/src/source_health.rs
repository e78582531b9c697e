//! When each source last answered and last failed.
//!
//! The code that asks a source reports the outcome here, with the kind of a failure as a type. `/readyz` reads it, and each
//! failure counts in `source_errors_total`.

use crate::metrics;
use crate::source::{FailureKind, Source};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// When a source last answered and last failed.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// When it last answered.
    pub answered: Option<SystemTime>,
    /// When it last failed.
    pub failed: Option<Failure>,
}

/// A failure of a source.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it happened.
    pub at: SystemTime,
    /// The error: what the program tried, what came back, and what to do.
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
