//! The usage of the runtime, which `/metrics` reads at each scrape.

/// The usage of the runtime. Scrapes read it, so that requests need not count it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuntimeUsage {
    /// Used slots of the instance pool, by kind; `None` where there is no pool.
    pub pool: Option<[(&'static str, u64); 5]>,
    /// Requests that run in components.
    pub running: usize,
    /// Requests that wait for components.
    pub waiting: usize,
}

/// Reports the usage of the runtime.
pub trait Probe: Send + Sync {
    /// The usage at this moment.
    fn usage(&self) -> RuntimeUsage;
}
