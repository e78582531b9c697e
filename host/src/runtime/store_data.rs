//! The data of one instance's store: its WASI context, its limits, and the capabilities that its imports use.

use super::capabilities::Capabilities;
use super::current_request::CurrentRequest;
use super::memory_limiter::MemoryLimiter;
use super::stderr::{Notes, Stderr};
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Bytes of random numbers that one call may ask for: the host makes room for them at once.
const MAX_RANDOM: u64 = 64 * 1024;

/// The state of one instance.
pub(super) struct StoreData {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) hooks: Hooks,
    pub(super) limiter: MemoryLimiter,
    pub(super) capabilities: Arc<Capabilities>,
}

impl StoreData {
    pub(super) fn new(capabilities: Arc<Capabilities>, notes: Notes, current: CurrentRequest) -> Self {
        let mut wasi = WasiCtx::builder();
        // Components speak to operators on stderr and through nothing else: no files, sockets, environment or arguments.
        wasi.stderr(Stderr(notes)).allow_tcp(false).allow_udp(false).max_random_size(MAX_RANDOM);
        let limits = capabilities.limits();
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.max_handles);
        Self {
            table,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks { capabilities: Arc::clone(&capabilities), current },
            limiter: MemoryLimiter::new(limits.max_memory),
            capabilities,
        }
    }
}

/// How an instance sends HTTP requests.
pub(super) struct Hooks {
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
