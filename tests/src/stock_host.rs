//! A stock host of WASI 0.3: wasmtime with wasmtime-wasi and wasmtime-wasi-http as they come. It knows nothing of this
//! project; what answers under it answers under any such host.

use crate::client::Client;
use crate::server::serve_connection;
use anyhow::Result;
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::future::{Future, pending};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::task;
use std::time::Instant;
use wasmtime::component::{Component, GuestTaskId, Linker, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Serves a component until it is dropped.
pub struct StockHost {
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub address: String,
    task: tokio::task::JoinHandle<()>,
}

impl StockHost {
    /// Serves the component of this file with these environment variables.
    ///
    /// # Errors
    ///
    /// When it is no component, or imports what a stock host doesn't have.
    pub async fn start(component: &Path, environment: &[(&str, &str)]) -> Result<Self> {
        // Its client of HTTPS takes the process' cryptography; that of the other tests is this, too.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let component = compiled(component)?;
        let engine = component.engine().clone();
        let mut linker: Linker<State> = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        let service = ServicePre::new(linker.instantiate_pre(&component)?)?;
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let handler = ProxyHandler::new(Instances { engine, service, environment });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handler = handler.clone();
                serve_connection(stream, move |request| {
                    let handler = handler.clone();
                    let request = request.map(|body| body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync());
                    async move { handler.handle((), request).await.map_err(|error| error.to_string()) }
                });
            }
        });
        Ok(Self { address, task })
    }

    /// The answer to GET /images; its status has to be 200.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn images(&self) -> Result<String> {
        images(&self.address).await
    }
}

/// The component of this file, which is compiled once for all tests: that takes seconds.
fn compiled(path: &Path) -> Result<Component> {
    static COMPILED: LazyLock<Mutex<HashMap<PathBuf, Component>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(component) = compiled.get(path) {
        return Ok(component.clone());
    }
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    let component = Component::from_file(&Engine::new(&config)?, path)?;
    compiled.insert(path.to_owned(), component.clone());
    Ok(component)
}

/// The answer to GET /images at this address; its status has to be 200.
pub(crate) async fn images(address: &str) -> Result<String> {
    Client::default().get(&format!("{address}/images")).await?.error_for_status()?.text().await
}

impl Drop for StockHost {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: Default::default() }
    }
}

struct Instances {
    engine: Engine,
    service: ServicePre<State>,
    environment: Vec<(String, String)>,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Never;
    type WorkerState = Never;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Never, Never>> {
        let wasi = WasiCtx::builder().inherit_stderr().envs(&self.environment).build();
        let state = State { table: ResourceTable::new(), wasi, http: WasiHttpCtx::new() };
        let mut store = Store::new(&self.engine, state);
        let proxy = Proxy::P3(self.service.instantiate_async(&mut store).await?);
        Ok(Instance { store, proxy, view: WasiHttpView::http, expiration: Never, state: Never })
    }
}

/// Instances that serve for as long as the host does.
struct Never;

impl WorkerExpiration for Never {
    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>, _: WorkerStatus, _: Instant) -> task::Poll<()> {
        task::Poll::Pending
    }
}

impl WorkerState for Never {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, _: usize) -> ShouldAccept {
        if concurrent > 0 { ShouldAccept::No } else { ShouldAccept::Yes }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(pending())
    }

    fn drop(&self, _: Store<State>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result {
            eprintln!("stock host: an instance ended: {error:#}");
        }
    }
}
