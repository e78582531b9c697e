//! The data of one instance's store: its WASI context, its limits, and the capabilities that its imports use.

use super::capabilities::Capabilities;
use super::current_request::CurrentRequest;
use super::expected_growth::ExpectedGrowth;
use super::heads;
use super::memory_limiter::{InstanceBudget, MemoryLimiter};
use super::stderr::{Stderr, StderrHandler};
use crate::sources::harbor::AnswerRoom;
use std::sync::Arc;
use tokio::sync::Mutex;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Most random bytes of one call. The host allocates them at once.
const MAX_RANDOM_BYTES: u64 = 64 * 1024;

/// The data of one instance's store.
pub(super) struct StoreData {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) hooks: Hooks,
    pub(super) limiter: MemoryLimiter,
    /// Held during a question to the node, and while a setting is read: the host holds one answer of each for an instance at a time.
    pub(super) asks_node: Arc<Mutex<()>>,
    pub(super) reads_setting: Arc<Mutex<()>>,
    pub(super) capabilities: Arc<Capabilities>,
}

impl StoreData {
    pub(super) fn new(
        capabilities: Arc<Capabilities>,
        on_stderr: StderrHandler,
        current: CurrentRequest,
        expected: Arc<ExpectedGrowth>,
    ) -> Self {
        let mut wasi = WasiCtx::builder();
        // Components write to operators on stderr, and have nothing else: no files, sockets, environment or arguments.
        wasi.stderr(Stderr(on_stderr)).allow_tcp(false).allow_udp(false).max_random_size(MAX_RANDOM_BYTES);
        let limits = capabilities.limits();
        let mut table = ResourceTable::new();
        table.set_max_capacity(heads::capacity(limits.max_handles));
        let budget = InstanceBudget::new(limits.max_memory);
        Self {
            table,
            wasi: wasi.build(),
            http: heads::http_context(),
            limiter: MemoryLimiter::new(budget.clone(), current.clone(), expected),
            hooks: Hooks { room: AnswerRoom::of(limits), budget, capabilities: Arc::clone(&capabilities), current },
            asks_node: Arc::default(),
            reads_setting: Arc::default(),
            capabilities,
        }
    }
}

/// How an instance sends HTTP requests.
pub(super) struct Hooks {
    /// Of the answers that the host holds.
    pub(super) room: AnswerRoom,
    pub(super) budget: InstanceBudget,
    pub(super) capabilities: Arc<Capabilities>,
    pub(super) current: CurrentRequest,
}

impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for StoreData {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}
