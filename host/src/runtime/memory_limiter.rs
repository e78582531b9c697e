//! The memory of one instance: that of all its components together, and what the host holds for it, within its own limit; and within
//! the budget of the program.

use super::current_request::CurrentRequest;
use super::expected_growth::ExpectedGrowth;
use bytes::Bytes;
use image_service_memory::{BUDGET, GuestMemory};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use wasmtime::{Error, ResourceLimiterAsync, Result};

/// Most entries of a table of functions. Compiled components have some hundreds.
const MAX_TABLE_ENTRIES: usize = 20_000;

/// A new memory of up to so many bytes is one with which a component starts.
const START_BYTES: u64 = 16 * 1024 * 1024;

/// An instance asked for more memory than the limit allows.
#[derive(Debug, thiserror::Error)]
#[error("it wanted more than {limit} bytes of memory (limits_config.max_memory)")]
pub(super) struct MemoryLimitExceeded {
    /// The limit in bytes.
    limit: usize,
}

/// The bytes of one instance, counted.
#[derive(Clone, Debug)]
pub(super) struct InstanceBudget(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    max: usize,
    used: AtomicUsize,
}

impl InstanceBudget {
    pub(super) fn new(max_memory: usize) -> Self {
        Self(Arc::new(Counted { max: max_memory, used: AtomicUsize::new(0) }))
    }

    fn take(&self, bytes: usize) -> Result<(), MemoryLimitExceeded> {
        let Counted { max, used } = &*self.0;
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| sum <= max);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(_) => Err(MemoryLimitExceeded { limit: *max }),
        }
    }

    /// Counts bytes that the host holds for the instance, until the value is dropped.
    pub(super) fn hold(&self, bytes: usize) -> Result<Held, MemoryLimitExceeded> {
        self.take(bytes)?;
        Ok(Held { budget: self.clone(), bytes })
    }

    /// Counts these bytes until the last of them is dropped.
    pub(super) fn hold_bytes(&self, bytes: Bytes) -> Result<Bytes, MemoryLimitExceeded> {
        let held = self.hold(bytes.len())?;
        Ok(Bytes::from_owner(HeldBytes { bytes, _held: held }))
    }
}

/// Bytes that count.
#[derive(Debug)]
pub(super) struct Held {
    budget: InstanceBudget,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct HeldBytes {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Counts the memory of one instance.
pub(super) struct MemoryLimiter {
    budget: InstanceBudget,
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
    pub(super) fn new(budget: InstanceBudget, current: CurrentRequest, expected: Arc<ExpectedGrowth>) -> Self {
        Self { budget, memory: BUDGET.guest(), before: 0, current, expected, shared: Arc::default() }
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
        self.budget.take(usize::try_from(more).unwrap_or(usize::MAX)).map_err(Error::new)?;
        let grown = if current == 0 && more <= START_BYTES {
            self.memory.start_with(more)
        } else {
            self.current.spend_promise(more);
            self.memory.grow(more).await
        };
        if let Err(exhausted) = grown {
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
        let mut limiter = MemoryLimiter::new(InstanceBudget::new(100), CurrentRequest::default(), Arc::default());
        assert!(limiter.memory_growing(0, 60, None).await.unwrap());
        assert!(limiter.memory_growing(0, 30, None).await.unwrap());
        assert!(limiter.memory_growing(30, 40, None).await.unwrap());
        let error = limiter.memory_growing(60, 61, None).await.unwrap_err().to_string();
        assert!(error.contains("limits_config.max_memory"), "{error}");
        assert_eq!((limiter.shared().bytes(), limiter.shared().was_refused()), (32, false));
    }

    #[tokio::test]
    async fn what_the_host_holds_for_an_instance_counts_until_all_of_it_is_read() {
        let budget = InstanceBudget::new(100);
        let mut limiter = MemoryLimiter::new(budget.clone(), CurrentRequest::default(), Arc::default());
        let held = budget.hold_bytes(Bytes::from_static(&[0; 60])).unwrap();
        assert!(budget.hold(41).is_err() && limiter.memory_growing(0, 41, None).await.is_err());
        let rest = held.slice(59..);
        drop(held);
        assert!(budget.hold(41).is_err(), "a byte of it is not read");
        drop(rest);
        assert!(limiter.memory_growing(0, 100, None).await.unwrap() && budget.hold(1).is_err());
    }
}
