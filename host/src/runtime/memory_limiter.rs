//! The memory of one instance, all its components together.

use wasmtime::{Error, ResourceLimiter, Result};

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
    memory: usize,
}

impl MemoryLimiter {
    pub(super) fn new(max_memory: usize) -> Self {
        Self { max_memory, memory: 0 }
    }
}

impl ResourceLimiter for MemoryLimiter {
    /// Ends the instance where its memory may not grow. The component itself could only abort, with a message without the
    /// key.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let memory = self.memory.saturating_add(desired.saturating_sub(current));
        if memory > self.max_memory {
            return Err(Error::new(MemoryLimitExceeded { limit: self.max_memory }));
        }
        self.memory = memory;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= MAX_TABLE_ENTRIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memories_of_all_components_count_together() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 30, None).unwrap());
        assert!(limiter.memory_growing(30, 40, None).unwrap());
        let error = limiter.memory_growing(60, 61, None).unwrap_err().to_string();
        assert!(error.contains("limits_config.max_memory"), "{error}");
    }
}
