//! The engine, and a composition that is ready to answer requests.
//!
//! - `grants`: what every instance is granted;
//! - `state`: one instance's state, and how its imports are answered;
//! - `instances`: how long an instance lives;
//! - `stderr`: what components say to operators;
//! - `guarded`: answers that are still being sent.

mod grants;
mod guarded;
mod instances;
mod state;
mod stderr;

pub use stderr::Notes;

use crate::composition::Composition;
use crate::config::Config;
use crate::crictl::Crictl;
use crate::outbound::NO_LOGIN;
use crate::telemetry::metrics::{Glance, Probe};
use crate::telemetry::source;
use crate::telemetry::work::Work;
use anyhow::Result;
use grants::Grants;
use guarded::Guarded;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use instances::Instances;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// Requests that are worked on at a time; others wait.
const MAX_REQUESTS: usize = 64;
/// How much longer than its request an instance lives that does not begin an answer: the request is then told what
/// happened before its instance is gone.
const GRACE: Duration = Duration::from_millis(100);
const EPOCH: Duration = Duration::from_millis(10);

/// Instances that there can be at a time. Each may be many: a composition of a dozen components has as many memories, and
/// three times as many core instances and tables.
const MAX_INSTANCES: u32 = 2 * MAX_REQUESTS as u32;
const MEMORIES_PER_INSTANCE: u32 = 12;
const CORES_PER_INSTANCE: u32 = 3 * MEMORIES_PER_INSTANCE;
/// Stacks that can be in use at a time: an instance needs a second one only for calls that block.
const MAX_STACKS: u32 = 8 * MAX_INSTANCES;

/// The engine that runs compositions.
///
/// # Errors
///
/// When this machine can't run WebAssembly.
pub fn engine() -> Result<Engine> {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    // Memories and stacks are taken from a pool: making them anew costs more than most requests do.
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(CORES_PER_INSTANCE * MAX_INSTANCES)
        .total_memories(MEMORIES_PER_INSTANCE * MAX_INSTANCES)
        .total_tables(CORES_PER_INSTANCE * MAX_INSTANCES)
        .total_stacks(MAX_STACKS)
        .max_memory_size(state::MAX_MEMORY);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        // The pool reserves terabytes of addresses, which a limit (`ulimit -v`) may forbid.
        Err(error) => {
            tracing::warn!("slower from here on, as memory can't be pooled: {error:#}");
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Ok(Engine::new(&config)?)
        }
    }
}

/// A composition that is ready to answer requests.
pub struct Service {
    handler: ProxyHandler<Instances>,
    permits: Arc<Semaphore>,
    response_timeout: Duration,
}

impl Service {
    /// Loads a composition and links what it is granted; `notes` is told what its components say on stderr.
    ///
    /// # Errors
    ///
    /// When the bytes are no component, it imports more than is granted, or the grants can't be prepared.
    pub fn new(composition: &Composition, config: Config, crictl: Arc<Crictl>, notes: Notes) -> Result<Self> {
        let engine = engine()?;
        let component = composition.load(&engine)?;
        let prepared = ServicePre::new(state::linker(&engine)?.instantiate_pre(&component)?)?;
        let response_timeout = config.app.response_timeout;
        let grants = Arc::new(Grants::new(config, crictl)?);
        count_epochs(&engine);
        let given_up = response_timeout + GRACE;
        let instances = Instances { engine, prepared, grants, given_up, notes, ending: Arc::default() };
        Ok(Self {
            handler: ProxyHandler::new(instances),
            permits: Arc::new(Semaphore::new(MAX_REQUESTS)),
            response_timeout,
        })
    }

    /// Whether the composition imports an interface whose name begins so.
    pub(crate) fn imports(&self, interface: &str) -> bool {
        let instances = self.handler.state();
        let component = instances.prepared.instance_pre().component().component_type();
        component.imports(&instances.engine).any(|(name, _)| name.starts_with(interface))
    }

    /// Asks Harbor for what anybody may see at this address; what comes of it is noted.
    pub(crate) async fn ask_harbor(&self, url: &str) -> Result<()> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(url).header(NO_LOGIN, "none").body(body)?;
        let begun = std::time::Instant::now();
        let outcome = self.handler.state().grants.outbound.send(request).await;
        source::harbor_asked(&outcome, begun.elapsed());
        Ok(())
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// When the composition trapped, or took too long to begin its answer, which is [`TooLate`].
    pub async fn handle(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>> {
        // `ProxyHandler` takes on any number of requests; a request is one until its answer has been sent.
        let permit = Arc::clone(&self.permits).acquire_owned().await?;
        let answer = self.handler.handle(Work::of(&request), request);
        let response = tokio::time::timeout(self.response_timeout, answer).await.map_err(|_| TooLate)??;
        Ok(response.map(|body| Guarded { body, _guard: (permit, self) }.boxed_unsync()))
    }
}

impl Probe for Service {
    fn glance(&self) -> Glance {
        let pool = self.handler.state().engine.pooling_allocator_metrics().map(|pool| {
            [
                ("component_instances", pool.component_instances()),
                ("core_instances", pool.core_instances()),
                ("memories", pool.memories() as u64),
                ("tables", pool.tables() as u64),
                ("stacks", pool.stacks() as u64),
            ]
        });
        Glance { pool, working: MAX_REQUESTS - self.permits.available_permits(), waiting: 0 }
    }
}

/// An answer had not begun in time.
#[derive(Debug, thiserror::Error)]
#[error("the composition did not begin an answer within app_config.response_timeout")]
pub struct TooLate;

impl Drop for Service {
    fn drop(&mut self) {
        self.handler.state().ending.store(true, Ordering::Relaxed);
    }
}

/// One thread for an engine; it ends with it.
fn count_epochs(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    });
}
