//! How much memory an instance may have, over all the components that it is made of.

use wasmtime::{Error, ResourceLimiter, Result};

/// Entries of a table of functions; what components are compiled from has some hundreds.
const MAX_TABLE: usize = 20_000;

/// Counts the memory of one instance.
pub(super) struct Limiter {
    max_memory: usize,
    memory: usize,
}

impl Limiter {
    pub(super) fn new(max_memory: usize) -> Self {
        Self { max_memory, memory: 0 }
    }
}

impl ResourceLimiter for Limiter {
    /// A component whose memory can't grow could only abort, and its words for that would not tell what to set.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let memory = self.memory.saturating_add(desired.saturating_sub(current));
        if memory > self.max_memory {
            let limit = self.max_memory;
            return Err(Error::msg(format!("it wanted more than {limit} bytes of memory (limits_config.max_memory)")));
        }
        self.memory = memory;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= MAX_TABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memories_of_all_components_count_together() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 30, None).unwrap());
        assert!(limiter.memory_growing(30, 40, None).unwrap());
        let error = limiter.memory_growing(60, 61, None).unwrap_err().to_string();
        assert!(error.contains("limits_config.max_memory"), "{error}");
    }
}
