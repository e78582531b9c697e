//! The engine, and a composition that is ready to answer requests.
//!
//! - `grants`: what every instance is granted;
//! - `state`: one instance's state, and how its imports are answered;
//! - `instances`: how long an instance lives;
//! - `limiter`: how much memory it may have;
//! - `stderr`: what components say to operators;
//! - `turns`: which request is next;
//! - `gathered`: the beginning of an answer in one piece;
//! - `guarded`: answers that are still being sent.

mod gathered;
mod grants;
mod guarded;
mod instances;
mod limiter;
mod state;
mod stderr;
mod turns;

pub use stderr::Notes;
pub use turns::Busy;

use crate::composition::Composition;
use crate::config::{Config, Limits};
use crate::content::Content;
use crate::crictl::Crictl;
use crate::outbound::NO_LOGIN;
use crate::telemetry::metrics::{Glance, Probe};
use crate::telemetry::request::Scope;
use crate::telemetry::source;
use crate::telemetry::work::Work;
use anyhow::Result;
use gathered::Gathered;
use grants::Grants;
use guarded::Guarded;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use instances::{Fate, Instances};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use turns::Turns;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// How much longer than its request an instance lives that does not begin an answer: the request is then told what
/// happened before its instance is gone.
const GRACE: Duration = Duration::from_millis(100);
const EPOCH: Duration = Duration::from_millis(10);

/// Instances that there can be for each request that is worked on: those that end have not all gone when others begin.
const INSTANCES_PER_REQUEST: u32 = 2;
/// An instance may be many: a composition of a dozen components has as many memories, and three times as many core
/// instances and tables.
const MEMORIES_PER_INSTANCE: u32 = 12;
const CORES_PER_INSTANCE: u32 = 3 * MEMORIES_PER_INSTANCE;
/// Stacks that can be in use at a time: an instance needs a second one only for calls that block.
const STACKS_PER_INSTANCE: u32 = 8;

/// The engine that runs compositions within these limits.
///
/// # Errors
///
/// When this machine can't run WebAssembly.
pub fn engine(limits: &Limits) -> Result<Engine> {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    // Memories and stacks are taken from a pool: making them anew costs more than most requests do.
    let instances = INSTANCES_PER_REQUEST * u32::try_from(limits.max_requests)?;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(CORES_PER_INSTANCE * instances)
        .total_memories(MEMORIES_PER_INSTANCE * instances)
        .total_tables(CORES_PER_INSTANCE * instances)
        .total_stacks(STACKS_PER_INSTANCE * instances)
        // One of a component's memories may be all that its instance has.
        .max_memory_size(limits.max_memory);
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
    turns: Turns,
    response_timeout: Duration,
    answer_timeout: Duration,
}

impl Service {
    /// Loads a composition and links what it is granted; `notes` is told what its components say on stderr.
    ///
    /// # Errors
    ///
    /// When the bytes are no component, it imports more than is granted, or the grants can't be prepared.
    pub fn new(composition: &Composition, config: Config, crictl: Arc<Crictl>, notes: Notes) -> Result<Self> {
        let limits = config.limits.clone();
        let engine = engine(&limits)?;
        let component = composition.load(&engine)?;
        let prepared = ServicePre::new(state::linker(&engine)?.instantiate_pre(&component)?)?;
        let response_timeout = config.app.response_timeout;
        let grants = Arc::new(Grants::new(config, crictl)?);
        count_epochs(&engine);
        let given_up = response_timeout + GRACE;
        let notes = stderr::bounded(notes, limits.max_stderr_lines);
        let instances = Instances { engine, prepared, grants, given_up, notes, ending: Arc::default() };
        Ok(Self {
            handler: ProxyHandler::new(instances),
            turns: Turns::new(limits.max_requests, limits.max_waiting),
            response_timeout,
            answer_timeout: limits.answer_timeout,
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
    /// When the composition trapped, took too long to begin its answer ([`TooLate`]), or is asked too much ([`Busy`]).
    pub async fn handle(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<Content>> {
        self.answer(request, None).await
    }

    /// Answers a request of a client, who is told of in `scope`.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<WasiBody>,
        scope: Option<Arc<Scope>>,
    ) -> Result<Response<Content>> {
        let deadline = Instant::now() + self.response_timeout;
        // `ProxyHandler` takes on any number of requests; a request is one until its instance has done with it.
        let turn = self.turns.next(deadline).await?;
        let fate = Fate::default();
        let answer = self.handler.handle((Work::of(scope), fate.clone(), turn), request);
        let response = tokio::time::timeout_at(deadline, answer).await.map_err(|_| TooLate)??;
        let limit = self.answer_timeout;
        let (head, body) = response.into_parts();
        let body = Gathered::new(Guarded::new(body, limit, fate.clone(), self)).await;
        if !body.is_whole() {
            fate.waits();
        }
        Ok(Response::from_parts(head, body.into_content()))
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
        Glance { pool, working: self.turns.working(), waiting: self.turns.waiting() }
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
