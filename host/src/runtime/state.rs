//! The state of one instance, and how its imports are answered from the grants.

use super::grants::Grants;
use super::instances::Current;
use super::limiter::Limiter;
use super::stderr::{Notes, Stderr};
use crate::crictl;
use http::{Request, Response};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Accessor, HasData, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "host-grants" });
}

use bindings::image_service::inventory::{crictl as crictl_wit, settings as settings_wit, snapshots as snapshots_wit};

/// Bytes of random numbers that one call may ask for: the host makes room for them at once.
const MAX_RANDOM: u64 = 64 * 1024;

/// The state of one instance.
pub(super) struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    pub(super) limiter: Limiter,
    grants: Arc<Grants>,
}

impl State {
    pub(super) fn new(grants: Arc<Grants>, notes: Notes, current: Current) -> Self {
        let mut wasi = WasiCtx::builder();
        // Components speak to operators on stderr and through nothing else: no files, sockets, environment or arguments.
        wasi.stderr(Stderr(notes)).allow_tcp(false).allow_udp(false).max_random_size(MAX_RANDOM);
        let limits = grants.limits();
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.max_handles);
        Self {
            table,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks { grants: Arc::clone(&grants), current },
            limiter: Limiter::new(limits.max_memory),
            grants,
        }
    }
}

/// A linker with all that a composition may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    crictl_wit::add_to_linker::<_, Ours>(&mut linker, |state| state)?;
    settings_wit::add_to_linker::<_, Ours>(&mut linker, |state| state)?;
    snapshots_wit::add_to_linker::<_, Ours>(&mut linker, |state| state)?;
    Ok(linker)
}

struct Hooks {
    grants: Arc<Grants>,
    current: Current,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

type Transmission = Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Transmission), wasmtime_wasi_http::Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Transmission,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let grants = Arc::clone(&self.grants);
        let work = self.current.asks();
        Box::new(async move {
            let send = async |request| grants.outbound.send(request).await;
            let response = match work {
                Some(work) => work.ask_harbor(request, send).await?,
                // Nobody asks before its first request.
                None => send(request).await?,
            };
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }
}

/// Our own interfaces as the linker sees them.
struct Ours;

impl HasData for Ours {
    type Data<'a> = &'a mut State;
}

impl settings_wit::Host for &mut State {}

impl<T: Send> settings_wit::HostWithStore<T> for Ours {
    async fn get(accessor: &Accessor<T, Self>, key: String) -> Option<String> {
        accessor.with(|mut access| access.get().grants.setting(&key))
    }
}

impl snapshots_wit::Host for &mut State {}

impl<T: Send> snapshots_wit::HostWithStore<T> for Ours {
    async fn load(accessor: &Accessor<T, Self>, name: String) -> Option<snapshots_wit::Snapshot> {
        let grants = accessor.with(|mut access| Arc::clone(&access.get().grants));
        let snapshot = grants.snapshots.load(&name).await?;
        Some(snapshots_wit::Snapshot { age: snapshot.age().as_secs(), bytes: snapshot.bytes.to_vec() })
    }

    async fn save(accessor: &Accessor<T, Self>, name: String, bytes: Vec<u8>) {
        let grants = accessor.with(|mut access| Arc::clone(&access.get().grants));
        grants.snapshots.save(&name, bytes).await;
    }
}

impl crictl_wit::Host for &mut State {}

impl<T: Send> crictl_wit::HostWithStore<T> for Ours {
    async fn images(accessor: &Accessor<T, Self>) -> Result<Vec<crictl_wit::Image>, crictl_wit::Error> {
        let (grants, work) = accessor.with(|mut access| {
            let state = access.get();
            (Arc::clone(&state.grants), state.hooks.current.asks())
        });
        let outcome = match work {
            Some(work) => work.ask_node(&grants.crictl).await,
            None => grants.crictl.ask().await,
        };
        match outcome {
            Ok(answer) => Ok(answer
                .images
                .into_iter()
                .map(|image| crictl_wit::Image {
                    id: image.id,
                    repo_tags: image.repo_tags,
                    repo_digests: image.repo_digests,
                    size: image.size,
                    pinned: image.pinned,
                })
                .collect()),
            Err(error) => Err(match error {
                crictl::Error::Unavailable(message) => crictl_wit::Error::Unavailable(message),
                crictl::Error::Denied(message) => crictl_wit::Error::Denied(message),
                crictl::Error::TimedOut(message) => crictl_wit::Error::TimedOut(message),
                crictl::Error::Malformed(message) => crictl_wit::Error::Malformed(message),
            }),
        }
    }
}
