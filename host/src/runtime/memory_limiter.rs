//! The memory of one instance, all its components together: within its own limit, and within the budget of the program.

use super::current_request::CurrentRequest;
use super::expected_growth::ExpectedGrowth;
use image_service_memory::{BUDGET, GuestMemory};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use wasmtime::{Error, ResourceLimiterAsync, Result};

/// Most entries of a table of functions. Compiled components have some hundreds.
const MAX_TABLE_ENTRIES: usize = 20_000;

/// An instance asked for more memory than the limit allows.
#[derive(Debug, thiserror::Error)]
#[error("it wanted more than {limit} bytes of memory (limits_config.max_memory)")]
pub(super) struct MemoryLimitExceeded {
    /// The limit in bytes.
    limit: usize,
}

/// Counts the memory of one instance.
pub(super) struct MemoryLimiter {
    max_memory: usize,
    memory: GuestMemory,
    /// Bytes that the instance had when its request began.
    before: u64,
    current: CurrentRequest,
    expected: Arc<ExpectedGrowth>,
    shared: Arc<InstanceMemory>,
}

/// What others may know of the memory of an instance.
#[derive(Debug, Default)]
pub(super) struct InstanceMemory {
    bytes: AtomicU64,
    was_refused: AtomicBool,
}

impl InstanceMemory {
    /// Its bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the program had no memory for the instance, which then ends.
    pub(super) fn was_refused(&self) -> bool {
        self.was_refused.load(Ordering::Acquire)
    }
}

impl MemoryLimiter {
    pub(super) fn new(max_memory: usize, current: CurrentRequest, expected: Arc<ExpectedGrowth>) -> Self {
        Self { max_memory, memory: BUDGET.guest(), before: 0, current, expected, shared: Arc::default() }
    }

    /// What others may know.
    pub(super) fn shared(&self) -> Arc<InstanceMemory> {
        Arc::clone(&self.shared)
    }

    /// Begins to measure what a request needs.
    pub(super) fn begin_request(&mut self) {
        self.before = self.memory.bytes();
    }
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for MemoryLimiter {
    /// Ends the instance where its memory may not grow. The component itself could only abort, with a message without the
    /// key.
    async fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        if self.memory.bytes().saturating_add(more) > self.max_memory as u64 {
            return Err(Error::new(MemoryLimitExceeded { limit: self.max_memory }));
        }
        self.current.spend_promise(more);
        if let Err(exhausted) = self.memory.grow(more).await {
            self.shared.was_refused.store(true, Ordering::Release);
            return Err(Error::new(exhausted));
        }
        self.shared.bytes.store(self.memory.bytes(), Ordering::Relaxed);
        self.expected.grown(self.memory.bytes().saturating_sub(self.before));
        Ok(true)
    }

    async fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= MAX_TABLE_ENTRIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_memories_of_all_components_count_together() {
        let mut limiter = MemoryLimiter::new(100, CurrentRequest::default(), Arc::default());
        assert!(limiter.memory_growing(0, 60, None).await.unwrap());
        assert!(limiter.memory_growing(0, 30, None).await.unwrap());
        assert!(limiter.memory_growing(30, 40, None).await.unwrap());
        let error = limiter.memory_growing(60, 61, None).await.unwrap_err().to_string();
        assert!(error.contains("limits_config.max_memory"), "{error}");
        assert_eq!((limiter.shared().bytes(), limiter.shared().was_refused()), (100, false));
    }
}
