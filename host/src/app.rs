//! What answers requests: the composition and the host's own routes. Made from one reading of the configuration, and
//! replaced as a whole by the next.

use crate::access::{Access, harden};
use crate::cache::{Cache, Origin};
use crate::composition::Composition;
use crate::config::{Config, Limits};
use crate::content::Content;
use crate::crictl::Crictl;
use crate::health::{self, Health};
use crate::node_api::{self, NodeApi};
use crate::openapi;
use crate::problem::{answer, problem, unless_read};
use crate::runtime::{Busy, Notes, Service, TooLate};
use crate::telemetry::metrics::{self, Probe};
use crate::telemetry::request::{Followed, Record, Scope};
use crate::telemetry::source::Source;
use anyhow::Result;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, PROXY_AUTHORIZATION, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::WasiBody;

/// The host's own paths, which can only be read.
const OWN: [&str; 4] = ["/healthz", health::PATH, "/metrics", openapi::PATH];

/// An answer, or what is waited for to have it.
pub(crate) enum Reply<'a> {
    Now(Response<Content>),
    Later(BoxFuture<'a, Response<Content>>),
}

/// Answers requests.
pub struct App {
    origin: Origin,
    /// What stands before the composition, unless it is off.
    cache: Option<Arc<Cache>>,
    node_api: Option<NodeApi>,
    access: Access,
    limits: Limits,
    shutdown_timeout: Duration,
    health: Health,
    /// What `/metrics` looks at.
    probe: Arc<dyn Probe>,
}

impl App {
    /// Loads the composition and grants it what the configuration says; `notes` is told what its components say on
    /// stderr.
    ///
    /// # Errors
    ///
    /// When the composition can't be loaded or imports more than is granted, or a file of `access_config` can't be used.
    pub fn new(composition: &Composition, config: Config, notes: Notes) -> Result<Self> {
        let crictl = Arc::new(Crictl::new(config.crictl.clone(), &config.limits));
        let node_api = config.node_api.is_some().then(|| NodeApi::new(Arc::clone(&crictl)));
        let access = Access::new(&config.access, config.node_api.as_deref())?;
        let (cache, ignore_file) = (config.cache.clone(), config.crictl.ignore_file.clone());
        let (limits, shutdown_timeout) = (config.limits.clone(), config.app.shutdown_timeout);
        let harbor = config.harbor.clone();
        let service = Arc::new(Service::new(composition, config, Arc::clone(&crictl), notes)?);
        let health = Health::new(Arc::clone(&service), crictl, &harbor);
        let probe: Arc<dyn Probe> = Arc::clone(&service) as _;
        let origin: Origin = Arc::new(move |request, scope| Box::pin(composed(Arc::clone(&service), request, scope)));
        let cache = (cache.lifetime > 0).then(|| Cache::new(Arc::clone(&origin), cache.max_bytes, ignore_file));
        Ok(Self { origin, cache, node_api, access, limits, shutdown_timeout, health, probe })
    }

    /// What clients may not go beyond.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How long requests under way may take once the program has been told to end.
    pub(crate) fn shutdown_timeout(&self) -> Duration {
        self.shutdown_timeout
    }

    /// From now on this is what answers, and what is told of.
    pub(crate) fn begin(&self) {
        metrics::look_at(&self.probe);
        Source::ALL.into_iter().for_each(Source::forget);
    }

    /// Who may ask, and over what.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Answers a request, whatever happens to the composition, and tells of it.
    pub async fn answer(&self, mut request: Request<WasiBody>, over_tls: bool) -> Response<Followed> {
        hide_logins(request.headers_mut());
        let record = Record::begin(&request);
        let asked = self.access.asked(&request, over_tls);
        let mut response = match self.access.refusal(&mut request, &asked) {
            Some(refusal) => refusal,
            None => match self.routed(request, record.scope()) {
                Reply::Now(response) => response,
                Reply::Later(response) => response.await,
            },
        };
        asked.tell(&mut response);
        record.follow(response)
    }

    /// Finds who answers. What can be answered at once is, as a future that is waited for has to be moved about.
    fn routed(&self, request: Request<WasiBody>, scope: &Arc<Scope>) -> Reply<'_> {
        let path = request.uri().path();
        if OWN.contains(&path)
            && let Some(refusal) = unless_read(request.method(), path)
        {
            return Reply::Now(refusal);
        }
        if path == "/healthz" {
            return Reply::Now(answer(StatusCode::OK, "text/plain", "ok\n"));
        }
        if path == health::PATH {
            return Reply::Later(Box::pin(self.health.answer()));
        }
        if path == "/metrics" {
            return Reply::Now(scraped());
        }
        if path == openapi::PATH {
            return Reply::Now(openapi::document(request.headers()));
        }
        if let (node_api::PATH, Some(node_api)) = (path, &self.node_api) {
            let method = request.method().clone();
            return Reply::Later(Box::pin(async move { node_api.answer(&method).await }));
        }
        match &self.cache {
            Some(cache) => cache.answer(request, scope),
            None => Reply::Later((self.origin)(request, Arc::clone(scope))),
        }
    }
}

/// Marks logins, so that whatever shows headers in a log leaves them out.
fn hide_logins(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            value.set_sensitive(true);
        }
    }
}

/// The composition's answer, or a problem in its place.
async fn composed(service: Arc<Service>, request: Request<WasiBody>, scope: Arc<Scope>) -> Response<Content> {
    match service.answer(request, Some(scope)).await {
        Ok(mut response) => {
            harden(response.headers_mut());
            response
        }
        Err(error) if error.is::<TooLate>() => {
            tracing::error!("{error}");
            problem(StatusCode::GATEWAY_TIMEOUT, "The composition did not begin to answer in time.")
        }
        Err(error) if error.is::<Busy>() => {
            tracing::warn!("a request was refused: {error}");
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "Too many requests are under way; try again.");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Err(error) => {
            tracing::error!("a request failed: {error:#}");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "The composition failed; the log says why.")
        }
    }
}

/// The metrics at this moment.
fn scraped() -> Response<Content> {
    match metrics::text() {
        Ok(text) => answer(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(error) => {
            tracing::error!("the metrics can't be told: {error:#}");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "The metrics can't be told; the log says why.")
        }
    }
}
