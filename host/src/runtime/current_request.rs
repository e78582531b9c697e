//! The request that an instance works on.

use super::admission::Permit;
use super::request_scope::RequestScope;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The request that an instance works on: one at a time, until everything that the request started has ended. So every call
/// of the instance belongs to that request, and a failure affects no other.
#[derive(Clone, Default)]
pub(super) struct CurrentRequest(pub(super) Arc<Mutex<Option<Task>>>);

/// The scope of one request, and its permit. Both end when the instance is idle again, not when the client leaves.
pub(super) struct Task {
    pub(super) scope: Arc<RequestScope>,
    pub(super) permit: Permit,
}

impl CurrentRequest {
    /// The scope of the request, which begins to wait for a source.
    pub(super) fn wait_for_source(&self) -> Option<Arc<RequestScope>> {
        self.release_cpu();
        self.task().as_ref().map(|task| Arc::clone(&task.scope))
    }

    /// Lets another request compute.
    pub(super) fn release_cpu(&self) {
        if let Some(task) = &mut *self.task() {
            task.permit.release_cpu();
        }
    }

    /// Counts bytes that the instance now has no longer as those that its request is expected to need.
    pub(super) fn spend_promise(&self, bytes: u64) {
        if let Some(task) = &mut *self.task() {
            task.permit.spend_promise(bytes);
        }
    }

    fn task(&self) -> MutexGuard<'_, Option<Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a request.
    pub(super) fn is_some(&self) -> bool {
        self.task().is_some()
    }

    /// Ends the current request, and begins another.
    pub(super) fn replace(&self, task: Option<Task>) -> Option<Task> {
        std::mem::replace(&mut *self.task(), task)
    }
}
