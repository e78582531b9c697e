//! The wasmtime engine: its pool of memories and stacks, and the thread that counts epochs.

use anyhow::{Context, Result};
use image_service_config::Limits;
use std::time::Duration;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The time between two epochs. At each, an instance that computes lets other tasks run.
const EPOCH_INTERVAL: Duration = Duration::from_millis(10);

/// Instances in the pool for each running request, because an instance that ends may still exist when the next one begins.
const INSTANCES_PER_REQUEST: u32 = 2;
/// A composition of a dozen components has a dozen memories, and three times as many core instances and tables.
const MEMORIES_PER_INSTANCE: u32 = 12;
const CORES_PER_INSTANCE: u32 = 3 * MEMORIES_PER_INSTANCE;
/// Stacks for each instance; it needs more than one only for calls that block.
const STACKS_PER_INSTANCE: u32 = 8;

/// The engine that runs compositions within these limits. It pools memory, where the system lets it.
///
/// # Errors
///
/// When this machine can't run WebAssembly.
pub fn pooled(limits: &Limits) -> Result<Engine> {
    let mut config = config();
    // Memories and stacks come from a pool: making new ones costs more than most requests.
    let instances = INSTANCES_PER_REQUEST * u32::try_from(limits.max_requests)?;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(CORES_PER_INSTANCE * instances)
        .total_memories(MEMORIES_PER_INSTANCE * instances)
        .total_tables(CORES_PER_INSTANCE * instances)
        .total_stacks(STACKS_PER_INSTANCE * instances)
        // One memory of an instance may use all that the instance may have.
        .max_memory_size(limits.max_memory);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        // The pool reserves terabytes of addresses, which a limit (`ulimit -v`) may forbid.
        Err(error) => {
            tracing::warn!("the engine can't pool memory, so requests are slower: {error:#}");
            unpooled()
        }
    }
}

/// An engine that takes memory from the system as instances need it.
pub(super) fn unpooled() -> Result<Engine> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Ok(Engine::new(&config)?)
}

fn config() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    config
}

/// Starts the thread that counts the epochs of an engine; it ends with the engine.
///
/// # Errors
///
/// When the system allows no more threads.
pub(super) fn count_epochs(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    let thread = std::thread::Builder::new().name("epochs".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH_INTERVAL);
        }
    });
    thread.map(drop).context("starting the thread that stops components at their time limit")
}
