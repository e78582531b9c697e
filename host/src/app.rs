//! The application: routes each request to the part of the host that answers it. It belongs to one version of the
//! configuration; a reload replaces it as a whole.

use crate::composition::Composition;
use crate::first_listing::FirstListing;
use crate::lasting::Lasting;
use crate::node_api::NodeApi;
use crate::openapi;
use crate::readiness::Readiness;
use crate::runtime::{Capabilities, Error, LoadedComposition, Overloaded, Service, StderrHandler};
use crate::verdict_refresh::{self, VerdictRefresh};
use anyhow::Result;
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use image_model::protocol;
use image_service_config::{Config, Limits};
use image_service_http::access::{Access, SeesDetails};
use image_service_http::access_log::RequestLog;
use image_service_http::cache::{Cache, IgnoreFingerprint, Origin};
use image_service_http::listing_summary::ListingSummary;
use image_service_http::request_context::RequestContext;
use image_service_http::response::{
    BUSY, Body, Reply, RequestBody, SHORT_OF_MEMORY, busy, harden, no_body, problem, refuse_unless_read, text,
};
use image_service_http::routes::Route;
use image_service_http::server::Application;
use image_service_http::verdict_header;
use image_service_memory::BUDGET;
use image_service_telemetry::metrics::{self, Probe};
use image_service_telemetry::panics;
use image_service_telemetry::seldom::Seldom;
use image_service_telemetry::source::Source;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Tells the composition that the host takes the summary out of the answer. Whatever a client sends under this name is replaced.
const SUMMARY: HeaderName = HeaderName::from_static(protocol::SUMMARY_HEADER);
const SUMMARY_WANTED: HeaderValue = HeaderValue::from_static(protocol::SUMMARY_WANTED);

/// Routes requests to the cache, the composition and the host's own answers.
pub struct App {
    service: Arc<Service>,
    origin: Origin,
    first_listing: Arc<FirstListing>,
    /// In front of the composition; `None` where `cache_config.lifetime` is 0.
    cache: Option<Arc<Cache>>,
    node_api: Option<NodeApi>,
    access: Access,
    limits: Limits,
    shutdown_timeout: Duration,
    readiness: Readiness,
    /// Whether a listing begins with the program: it fills the store, which may take longer than a client waits. Without a cache
    /// no client could share it, so that it begins only where the store outlives the program.
    lists_at_start: bool,
    /// How often the program looks by itself; `None` for never.
    refresh: Option<Duration>,
    /// The looks, once the application is in use.
    looks: OnceLock<VerdictRefresh>,
}

/// What an application is made of.
struct Parts {
    composition: Arc<LoadedComposition>,
    capabilities: Capabilities,
    access: Access,
}

impl Parts {
    /// Reads all that the configuration names, or finds it in use.
    fn new(composition: &Composition, config: Config, lasting: &Lasting) -> Result<Self> {
        let access = Access::new(&config.access, config.node_api.as_deref(), &lasting.access)?;
        let composition = lasting.loaded.composition(composition, &config.limits)?;
        Ok(Self { composition, capabilities: Capabilities::new(config, &lasting.sources)?, access })
    }
}

impl App {
    /// Loads the composition and grants it the capabilities of the configuration. `lasting` holds what outlives a reload;
    /// `on_stderr` receives the stderr of components.
    ///
    /// # Errors
    ///
    /// When the composition can't be loaded or imports more than the host grants, or a file of `access_config` can't be used.
    pub fn new(composition: &Composition, config: Config, lasting: &Lasting, on_stderr: StderrHandler) -> Result<Self> {
        Ok(Self::of(Parts::new(composition, config, lasting)?, on_stderr))
    }

    /// The application for this configuration; `None` where it would be this one.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn reloaded(
        &self,
        composition: &Composition,
        config: Config,
        lasting: &Lasting,
        on_stderr: StderrHandler,
    ) -> Result<Option<Self>> {
        let parts = Parts::new(composition, config, lasting)?;
        let is_same = Arc::ptr_eq(&parts.composition, self.service.composition())
            && parts.capabilities.is_same(self.service.capabilities())
            && parts.access.has_files_of(&self.access);
        Ok((!is_same).then(|| Self::of(parts, on_stderr)))
    }

    fn of(parts: Parts, on_stderr: StderrHandler) -> Self {
        let Parts { composition, capabilities, access } = parts;
        let config = capabilities.config();
        let cache = config.cache.clone();
        let (limits, shutdown_timeout) = (config.limits.clone(), config.app.shutdown_timeout);
        let response_timeout = config.app.response_timeout;
        let refresh = config.compare.refresh;
        let (has_node_api, has_harbor) = (config.node_api.is_some(), config.harbor.origin.is_some());
        let keeps_rows = config.harbor.is_complete() && config.harbor.full_listing_interval > 0;
        let lists_at_start = keeps_rows && (config.cache.lifetime > 0 || config.cache.state_dir.is_some());
        let (crictl, harbor) = (Arc::clone(&capabilities.crictl), Arc::clone(&capabilities.harbor));
        let ignore_file = Arc::clone(&capabilities.ignore_file);
        ignore_file.watch();
        let ignore_fingerprint: IgnoreFingerprint = Arc::new(move || ignore_file.fingerprint());
        let sources = Source::ALL.into_iter().filter(|source| match source {
            Source::Containerd => composition.imports("image-service:inventory/crictl@"),
            Source::Harbor => has_harbor && composition.imports("wasi:http/client@"),
        });
        let readiness = Readiness::new(Arc::clone(&crictl), harbor, sources.collect());
        let service = Arc::new(Service::of(composition, Arc::new(capabilities), on_stderr));
        let lifetime = verdict_refresh::lifetime(refresh);
        let first_listing = Arc::new(FirstListing::new(response_timeout));
        let composed = Arc::new(Composed { service: Arc::clone(&service), lifetime, refusals: Seldom::default() });
        let origin = first_listing
            .before(Arc::new(move |request, context| Box::pin(Arc::clone(&composed).answer(request, context))));
        Self {
            cache: (cache.lifetime > 0).then(|| Cache::new(Arc::clone(&origin), cache.max_bytes, ignore_fingerprint)),
            node_api: has_node_api.then(|| NodeApi::new(crictl, &limits, response_timeout)),
            origin,
            first_listing,
            access,
            limits,
            shutdown_timeout,
            readiness,
            service,
            lists_at_start,
            refresh,
            looks: OnceLock::new(),
        }
    }

    /// Begins a listing for no client, where it fills the store.
    pub fn start_listing(&self) {
        if self.lists_at_start {
            let (listing, leader) =
                (Self::list(self.cache.clone(), Arc::clone(&self.origin)), self.first_listing.begin());
            tokio::spawn(async move {
                listing.await;
                drop(leader);
            });
        }
    }

    async fn list(cache: Option<Arc<Cache>>, origin: Origin) {
        let Ok(request) = Request::get(Route::Images.label()).body(no_body()) else { return };
        let context = Arc::new(RequestContext::of(&request, false));
        if let Some(cache) = cache {
            return cache.prefetch(request.into_parts().0, context).await;
        }
        let mut body = origin(request, context).await.into_body();
        while let Some(Ok(mut frame)) = body.frame().await {
            // The log tells of the sources, and the metrics of their rows.
            let _ = frame.trailers_mut().and_then(ListingSummary::take);
        }
    }

    /// Finds the part that answers. An answer that is ready needs no boxed future.
    fn route(&self, request: Request<RequestBody>, log: &RequestLog) -> Reply<'_> {
        let (route, path) = (log.route(), request.uri().path());
        if route.is_read_only()
            && route != Route::NodeApi
            && let Some(refusal) = refuse_unless_read(request.method(), path)
        {
            return Reply::Now(refusal);
        }
        match (route, &self.node_api) {
            (Route::Healthz, _) => Reply::Now(text(StatusCode::OK, "text/plain", "ok\n")),
            (Route::Readyz, _) => {
                let with_errors = request.extensions().get::<SeesDetails>().is_some();
                Reply::Later(Box::pin(self.readiness.answer(with_errors)))
            }
            (Route::Metrics, _) => Reply::Now(metrics_answer()),
            (Route::OpenApi, _) => Reply::Now(openapi::document(request.headers())),
            (Route::NodeApi, Some(node_api)) => {
                let method = request.method().clone();
                Reply::Later(Box::pin(async move { node_api.answer(&method).await }))
            }
            // Access control has answered logins.
            (
                Route::NodeApi
                | Route::Images
                | Route::Inventory
                | Route::Compare
                | Route::Login
                | Route::Logout
                | Route::Other,
                _,
            ) => match &self.cache {
                Some(cache) => cache.answer(request, log.context()),
                None => Reply::Later((self.origin)(request, Arc::clone(log.context()))),
            },
        }
    }
}

impl Application for App {
    async fn answer(&self, request: Request<RequestBody>, log: &RequestLog) -> Response<Body> {
        match self.route(request, log) {
            Reply::Now(response) => response,
            Reply::Later(response) => response.await,
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn access(&self) -> &Access {
        &self.access
    }

    fn shutdown_timeout(&self) -> Duration {
        self.shutdown_timeout
    }

    fn activate(&self) {
        BUDGET.set_limit(self.limits.max_total_memory as u64);
        let probe: Arc<dyn Probe> = Arc::clone(&self.service) as _;
        metrics::set_probe(&probe);
        metrics::forget_verdicts();
        if let Some(refresh) = self.refresh {
            self.looks.get_or_init(|| VerdictRefresh::start(Arc::clone(&self.origin), refresh));
        }
    }
}

/// What answers by the composition.
struct Composed {
    service: Arc<Service>,
    /// How long the metrics show the verdicts that an answer tells.
    lifetime: Duration,
    refusals: Seldom,
}

impl Composed {
    /// The composition's answer, or a problem in its place.
    async fn answer(
        self: Arc<Self>,
        mut request: Request<RequestBody>,
        context: Arc<RequestContext>,
    ) -> Response<Body> {
        request.headers_mut().insert(SUMMARY, SUMMARY_WANTED);
        // Caught here already, because all clients that wait for this answer share its end.
        let outcome = panics::catch(Arc::clone(&self.service).answer(request, Some(context))).await;
        match outcome.unwrap_or_else(|panicked| Err(Error::Failed(panicked.into()))) {
            Ok(mut response) => {
                verdict_header::take(response.headers_mut(), self.lifetime);
                harden(response.headers_mut());
                response
            }
            Err(error @ Error::ResponseTimeout) => {
                tracing::error!("{error}");
                problem(StatusCode::GATEWAY_TIMEOUT, "The composition did not begin to answer in time.")
            }
            Err(Error::Overloaded(error)) => {
                // Its numbers differ each time.
                if let Some(left_out) = self.refusals.may_say("refused") {
                    tracing::warn!("the host refused a request: {error}{left_out}");
                }
                busy(if matches!(error, Overloaded::Memory(_)) { SHORT_OF_MEMORY } else { BUSY })
            }
            Err(Error::Failed(error)) => {
                tracing::error!("a request failed: {error:#}");
                problem(StatusCode::INTERNAL_SERVER_ERROR, "The composition failed; the log says why.")
            }
        }
    }
}

/// The metrics at this moment.
fn metrics_answer() -> Response<Body> {
    match metrics::text() {
        Ok(metrics) => text(StatusCode::OK, metrics::CONTENT_TYPE, metrics),
        Err(error) => {
            tracing::error!("writing the metrics failed: {error:#}");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "The metrics can't be written; the log says why.")
        }
    }
}
