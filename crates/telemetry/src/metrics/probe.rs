//! What `/metrics` asks the runtime when somebody scrapes it.

/// How busy the runtime is, read when somebody scrapes instead of counted all the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuntimeUsage {
    /// Parts of the pool that are in use, by kind; `None` where there is no pool.
    pub pool: Option<[(&'static str, u64); 5]>,
    /// Requests that run in components.
    pub running: usize,
    /// Requests that wait for components.
    pub waiting: usize,
}

/// Knows how busy the runtime is.
pub trait Probe: Send + Sync {
    /// How busy it is now.
    fn usage(&self) -> RuntimeUsage;
}
