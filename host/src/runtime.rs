//! The engine and the instances that answer requests: what a composition is granted, and for how long an instance lives.

use crate::config::Config;
use crate::crictl::{self, Crictl};
use crate::outbound::Outbound;
use anyhow::{Context as _, Result};
use http::{Request, Response};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use wasmtime::component::{Accessor, Component, GuestTaskId, HasData, Linker, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "host-grants" });
}

use bindings::image_service::inventory::{crictl as crictl_wit, settings as settings_wit};

/// Bytes of memory that one instance may have.
const MAX_MEMORY: usize = 256 * 1024 * 1024;
/// Requests that are worked on at a time; others wait.
const MAX_REQUESTS: usize = 64;
const MAX_REQUESTS_PER_INSTANCE: usize = 16;
const MAX_REUSE: usize = 1024;
/// How long an answer may take from its beginning to its end.
const MAX_DURATION: Duration = Duration::from_secs(600);
const MAX_IDLE: Duration = Duration::from_secs(60);
const EPOCH: Duration = Duration::from_millis(10);

/// The engine that runs compositions.
///
/// # Errors
///
/// When this machine can't run WebAssembly.
pub fn engine() -> Result<Engine> {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    Ok(Engine::new(&config)?)
}

/// What is granted to every instance.
struct Grants {
    config: Config,
    crictl: Crictl,
    outbound: Outbound,
}

impl Grants {
    fn setting(&self, key: &str) -> Option<String> {
        let harbor = &self.config.harbor;
        match key {
            // The password stays here; that the login is complete shows in there being a URL.
            "harbor-url" => harbor.is_complete().then(|| harbor.url.clone()),
            "harbor-auth" => Some("host".to_owned()),
            "harbor-project" => Some(harbor.project.clone()),
            "harbor-page-size" => Some(harbor.page_size.to_string()),
            "harbor-max-concurrency" => Some(harbor.max_concurrency.to_string()),
            "images-to-ignore" => self.images_to_ignore(),
            "images-to-ignore-name" => Some(self.config.crictl.ignore_file.display().to_string()),
            "json-pretty" => Some(self.config.app.pretty.to_string()),
            _ => None,
        }
    }

    /// Read anew for every request, so that an edit counts from the next one on.
    fn images_to_ignore(&self) -> Option<String> {
        let path = &self.config.crictl.ignore_file;
        match std::fs::read(path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "{} can't be read; nothing is left out", path.display());
                None
            }
        }
    }
}

/// The state of one instance.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    limits: StoreLimits,
    grants: Arc<Grants>,
}

struct Hooks(Arc<Grants>);

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
        let grants = Arc::clone(&self.0);
        Box::new(async move {
            let response = grants.outbound.send(request).await?;
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }
}

/// Our own interfaces as the linker sees them.
struct Ours;

impl HasData for Ours {
    type Data<'a> = &'a mut State;
}

impl settings_wit::Host for &mut State {
    fn get(&mut self, key: String) -> Option<String> {
        self.grants.setting(&key)
    }
}

impl crictl_wit::Host for &mut State {}

impl<T: Send> crictl_wit::HostWithStore<T> for Ours {
    async fn images(accessor: &Accessor<T, Self>) -> Result<Vec<crictl_wit::Image>, crictl_wit::Error> {
        let grants = accessor.with(|mut access| Arc::clone(&access.get().grants));
        match grants.crictl.images().await {
            Ok(images) => Ok(images
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

/// A composition that is ready to answer requests.
pub struct Service {
    handler: ProxyHandler<Instances>,
    permits: Semaphore,
}

impl Service {
    /// Compiles a composition and links what it is granted.
    ///
    /// # Errors
    ///
    /// When the bytes are no component, it imports more than is granted, or the grants can't be prepared.
    pub fn new(composition: &[u8], config: Config) -> Result<Self> {
        let engine = engine()?;
        let component = Component::new(&engine, composition).map_err(anyhow::Error::from).context("compiling")?;
        let mut linker: Linker<State> = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        crictl_wit::add_to_linker::<_, Ours>(&mut linker, |state| state)?;
        settings_wit::add_to_linker::<_, Ours>(&mut linker, |state| state)?;
        let prepared = ServicePre::new(linker.instantiate_pre(&component)?)?;
        let grants =
            Grants { outbound: Outbound::new(&config.harbor)?, crictl: Crictl::new(config.crictl.clone()), config };
        count_epochs(&engine);
        let instances = Instances { engine, prepared, grants: Arc::new(grants), ending: Arc::default() };
        Ok(Self { handler: ProxyHandler::new(instances), permits: Semaphore::new(MAX_REQUESTS) })
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// When the composition trapped or took too long before its answer began.
    pub async fn handle(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>> {
        // `ProxyHandler` takes on any number of requests.
        let _permit = self.permits.acquire().await?;
        Ok(self.handler.handle((), request).await?)
    }
}

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

struct Instances {
    engine: Engine,
    prepared: ServicePre<State>,
    grants: Arc<Grants>,
    ending: Arc<AtomicBool>,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let mut wasi = WasiCtx::builder();
        // Components speak to operators on stderr and through nothing else: no files, sockets, environment or arguments.
        wasi.inherit_stderr().allow_tcp(false).allow_udp(false);
        let state = State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks(Arc::clone(&self.grants)),
            limits: StoreLimitsBuilder::new().memory_size(MAX_MEMORY).build(),
            grants: Arc::clone(&self.grants),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let service = self.prepared.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: WasiHttpView::http,
            expiration: Expiration(Box::pin(tokio::time::sleep(MAX_IDLE))),
            state: Worker { ending: Arc::clone(&self.ending) },
        })
    }
}

/// Ends an instance that has been idle or busy for too long.
struct Expiration(Pin<Box<tokio::time::Sleep>>);

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        let limit = match status {
            WorkerStatus::Idle => MAX_IDLE,
            WorkerStatus::Requests | WorkerStatus::PostReturn => MAX_DURATION,
        };
        let deadline = (start + limit).into();
        if deadline != self.0.deadline() {
            self.0.as_mut().reset(deadline);
        }
        self.0.as_mut().poll(cx)
    }
}

/// Reports how an instance ended.
struct Worker {
    /// Whether the program is ending, when instances are dropped as they are.
    ending: Arc<AtomicBool>,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= MAX_REUSE {
            ShouldAccept::Never
        } else if concurrent >= MAX_REQUESTS_PER_INSTANCE {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(tokio::time::sleep(MAX_DURATION))
    }

    fn drop(&self, _: Store<State>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result
            && !self.ending.load(Ordering::Relaxed)
        {
            tracing::error!("an instance ended: {error:#}");
        }
    }
}
