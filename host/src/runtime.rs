//! The runtime: runs a composition and answers requests with it.
//!
//! - `engine`: the wasmtime engine; `loaded`: engines and compositions in use, which a reload shares;
//! - `capabilities`: the capabilities of every instance; `host_impl`: the host's side of its imports;
//! - `store_data`: the data of one instance; `memory_limiter`: its memory; `expected_growth`: what it will need; `heads`: the heads of
//!   its requests and answers, and `request_setters`;
//! - `instances`: how long an instance lives, and how many requests it answers;
//! - `current_request`: the request that an instance works on; `request_scope`: one request inside an instance;
//! - `admission`: limits the requests that run and that wait;
//! - `buffered_prefix`, `deadline_body`: the body of an answer;
//! - `stderr`: the lines that components write for operators.

mod admission;
mod buffered_prefix;
mod capabilities;
mod current_request;
mod deadline_body;
mod engine;
mod error;
mod expected_growth;
mod heads;
mod host_impl;
mod instances;
mod loaded;
mod memory_limiter;
mod request_scope;
mod request_setters;
mod stderr;
mod store_data;

pub(crate) use admission::{ConcurrencyLimit, Overloaded};
pub use capabilities::Capabilities;
pub use engine::pooled;
pub use error::Error;
pub use loaded::Loaded;
pub(crate) use loaded::LoadedComposition;
pub use stderr::StderrHandler;

use crate::composition::Composition;
use anyhow::Result;
use buffered_prefix::BufferedPrefix;
use deadline_body::DeadlineBody;
use expected_growth::ExpectedGrowth;
use http::{Request, Response};
use http_body_util::BodyExt;
use image_service_config::duration::deadline;
use image_service_http::access::Stranger;
use image_service_http::request_context::RequestContext;
use image_service_http::response::{Body, BoxError, RequestBody};
use image_service_memory::{BUDGET, Exhausted};
use image_service_telemetry::metrics::{Probe, RuntimeUsage};
use instances::{InstanceStatus, Instances, RequestData};
use request_scope::RequestScope;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wasmtime_wasi_http::handler::{InstantiationError, ProxyHandler};

/// Extra life of an instance after `app_config.response_timeout`, so that the request gets its 504 before the instance is
/// dropped.
const EXTRA_LIFE: Duration = Duration::from_millis(100);

/// A composition that is ready to answer requests.
pub struct Service {
    handler: ProxyHandler<Instances>,
    admission: ConcurrencyLimit,
    response_timeout: Duration,
    answer_timeout: Duration,
    /// Instances see its end.
    _in_use: watch::Sender<()>,
}

impl Service {
    /// Loads a composition and links its imports to the capabilities. `on_stderr` receives the stderr of its components.
    ///
    /// # Errors
    ///
    /// When the bytes are no component, or it imports more than the host grants.
    pub fn new(composition: &Composition, capabilities: Arc<Capabilities>, on_stderr: StderrHandler) -> Result<Self> {
        let loaded = Loaded::default().composition(composition, capabilities.limits())?;
        Ok(Self::of(loaded, capabilities, on_stderr))
    }

    /// The service of a composition that is loaded.
    pub(crate) fn of(
        composition: Arc<LoadedComposition>,
        capabilities: Arc<Capabilities>,
        on_stderr: StderrHandler,
    ) -> Self {
        let limits = capabilities.limits().clone();
        let response_timeout = capabilities.config().app.response_timeout;
        let begin_timeout = response_timeout.saturating_add(EXTRA_LIFE);
        let on_stderr = stderr::rate_limited(on_stderr, limits.max_stderr_lines);
        let expected = Arc::<ExpectedGrowth>::default();
        let admission = ConcurrencyLimit::new(limits.max_requests, limits.max_waiting).expecting(Arc::clone(&expected));
        let (in_use, end) = watch::channel(());
        let instances = Instances { composition, capabilities, begin_timeout, on_stderr, expected, end };
        Self {
            handler: ProxyHandler::new(instances),
            admission,
            response_timeout,
            answer_timeout: limits.answer_timeout,
            _in_use: in_use,
        }
    }

    /// The composition that answers.
    pub(crate) fn composition(&self) -> &Arc<LoadedComposition> {
        &self.handler.state().composition
    }

    /// What the composition may use.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.handler.state().capabilities
    }

    /// Answers a request of a command of this program.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn handle(self: Arc<Self>, request: Request<RequestBody>) -> Result<Response<Body>, Error> {
        self.answer(request, None).await
    }

    /// Answers a request, with its context where a client sent it.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<RequestBody>,
        context: Option<Arc<RequestContext>>,
    ) -> Result<Response<Body>, Error> {
        let end = deadline(self.response_timeout).into();
        // `ProxyHandler` accepts any number of requests. A request holds its permit until its instance is idle again.
        let is_stranger = request.extensions().get::<Stranger>().is_some();
        let permit = self.admission.acquire(end, is_stranger).await?;
        let status = InstanceStatus::default();
        let mut request = request.map(|body| body.map_err(to_wasi).boxed_unsync());
        // The host that the client named stays here, as it does where HTTP/1.1 has it in a header: whoever asks for another name
        // gets the same answer, also from the cache.
        if let Some(target) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = target.into();
        }
        let answer = self.handler.handle((RequestScope::of(context), status.clone(), permit), request);
        let response = tokio::time::timeout_at(end, answer).await.map_err(|_| Error::ResponseTimeout)?;
        let response = response.map_err(|error| failure(error, &status))?;
        let limit = self.answer_timeout;
        let (head, body) = response.into_parts();
        let body = BufferedPrefix::new(DeadlineBody::new(body, limit, status.clone(), self)).await;
        if !body.is_complete() {
            status.release_cpu();
        }
        Ok(Response::from_parts(head, body.into_answer_body()))
    }
}

/// Why an instance gave no answer.
fn failure(error: wasmtime::Error, status: &InstanceStatus) -> Error {
    let refused = error.downcast_ref::<InstantiationError<RequestData>>().map(|failed| &failed.error);
    let exhausted = refused.and_then(|error| error.downcast_ref::<Exhausted>()).copied();
    // The instance's own error has gone to the log.
    let exhausted = exhausted.or_else(|| status.was_refused_memory().then(|| BUDGET.exhausted()));
    exhausted.map_or_else(|| Error::Failed(error.into()), |exhausted| Overloaded::Memory(exhausted).into())
}

/// Converts the error of a request's body for the component that reads the body.
fn to_wasi(error: BoxError) -> wasmtime_wasi_http::Error {
    match error.downcast::<hyper::Error>() {
        Ok(error) => (*error).into(),
        Err(error) => wasmtime_wasi_http::Error::InternalError(Some(error.to_string())),
    }
}

impl Probe for Service {
    fn usage(&self) -> RuntimeUsage {
        let pool = self.composition().engine().pooling_allocator_metrics().map(|pool| {
            [
                ("component_instances", pool.component_instances()),
                ("core_instances", pool.core_instances()),
                ("memories", pool.memories() as u64),
                ("tables", pool.tables() as u64),
                ("stacks", pool.stacks() as u64),
            ]
        });
        RuntimeUsage { pool, running: self.admission.running(), waiting: self.admission.waiting() }
    }
}
