//! A gate before Harbor's answers, which a test opens.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// Holds answers back until the test lets them through.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that lets this many answers through and holds the others back.
    pub fn letting_through(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// A gate that holds all answers back.
    pub fn closed() -> Self {
        Self::letting_through(0)
    }

    /// Lets this many more answers through.
    pub fn let_through(&self, count: usize) {
        self.0.add_permits(count);
    }

    /// Lets all answers through.
    pub fn open(&self) {
        self.let_through(Semaphore::MAX_PERMITS / 2);
    }

    /// Waits until the gate lets this answer through.
    pub(crate) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}
