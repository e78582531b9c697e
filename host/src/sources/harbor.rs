//! The Harbor capability: one pooled client that sends requests only to the configured Harbor, and adds its login.
//!
//! Requests only read (GET and HEAD). The client sends a request with the header `image-service-login: none` without the
//! login: components use it after Harbor has refused the login.
//!
//! - `request_policy`: which requests and headers of components the client sends;
//! - `connector`: connections, directly or through a proxy;
//! - `answer_head`: how large the head of an answer may be;
//! - `answer_body`: how the client reads answers; `content_encoding`: how it decodes them;
//! - `redirect`: which redirects the client follows, and what it says of others;
//! - `answer_room`: how many answers it holds for an instance;
//! - `retry`: when the client sends a request again;
//! - `concurrency`: how many requests are under way at a time, fewer while Harbor is in trouble;
//! - `inquiry`: what commands want to know: the version, and what the login costs;
//! - `failure`: why one try failed, with the words of `tls_failure` and `proxy_failure`; `error`: the error of the whole request.

mod answer_body;
mod answer_head;
mod answer_room;
mod concurrency;
mod connector;
mod content_encoding;
mod error;
mod failure;
mod inquiry;
mod proxy_failure;
mod redirect;
mod request_policy;
mod retry;
mod tls_failure;

pub use answer_room::AnswerRoom;
pub use error::SendError;
pub use inquiry::LoginCost;

use answer_room::Place;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use concurrency::ConcurrencyLimit;
use connector::{Connector, Proxy};
use failure::Failure;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING, USER_AGENT,
};
use http::request::Parts;
use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use image_model::protocol;
use image_service_config::duration::deadline;
use image_service_config::{self as config, Origin, Route};
use image_service_http::shared::Shared;
use image_service_http::tls;
use image_service_telemetry::metrics::{self, UpstreamInFlight};
use image_service_telemetry::panics;
use image_service_telemetry::source::{FailureKind, Source};
use image_service_telemetry::source_health::SourceHealth;
use request_policy::Refusal;
use retry::Retries;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use tower::Service;
use zeroize::Zeroizing;

/// The header by which a component asks for a request without the login.
const NO_LOGIN: HeaderName = HeaderName::from_static(protocol::LOGIN_HEADER);
/// Who asks, where the component does not say so.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("image-service/", env!("CARGO_PKG_VERSION")));
/// Most redirects to follow, all within the origin.
const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time to find out what a server offers, for a message.
const OFFER_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The path of a probe. It is cheap for Harbor and needs no login.
const HEALTH_PATH: &str = "/api/v2.0/systeminfo";

/// The client of the configured Harbor.
pub struct HarborClient {
    made_of: MadeOf,
    client: Client<HttpsConnector<Connector>, Empty<Bytes>>,
    connector: Connector,
    /// The proxy between, where there is one.
    proxy: Option<Arc<Proxy>>,
    /// The only destination; `None` where no Harbor is configured.
    origin: Option<Origin>,
    /// The address of [`HEALTH_PATH`].
    health_url: String,
    login: Option<HeaderValue>,
    timeout: Duration,
    /// Most bytes of one answer.
    max_bytes: usize,
    concurrency: ConcurrencyLimit,
    retries: Retries,
    health: SourceHealth,
    /// Whether a request went without the login although there is one.
    went_without_login: AtomicBool,
}

/// The settings and files that make another one of it.
#[derive(Clone, PartialEq)]
struct MadeOf {
    config: config::Harbor,
    max_bytes: usize,
    max_requests: usize,
    /// A digest of the certificates that it trusts.
    trust: [u8; 32],
}

impl HarborClient {
    /// A client of the configured Harbor: the one in use, where it is the same. Without a Harbor, it refuses every request.
    ///
    /// # Errors
    ///
    /// When `ca_file` can't be read or holds no certificate.
    pub fn new(config: &config::Harbor, limits: &config::Limits, in_use: &Shared<Self>) -> Result<Arc<Self>> {
        let ca_file = config.ca_file.as_deref().map(|path| ("harbor_config.ca_file", path));
        let trust = tls::client::Trust::read(config.verify_ssl, ca_file)?;
        let made_of = MadeOf {
            config: config.clone(),
            max_bytes: limits.max_upstream_bytes,
            max_requests: limits.max_upstream_requests,
            trust: trust.digest(),
        };
        in_use.get_or_make(|present| present.made_of == made_of, |_| Self::made_of(made_of.clone(), trust))
    }

    fn made_of(made_of: MadeOf, trust: tls::client::Trust) -> Result<Self> {
        let (config, tls) = (&made_of.config, trust.config()?);
        let proxy = proxy(&config.route)?;
        let connect_timeout = CONNECT_TIMEOUT.min(config.timeout);
        let connector = Connector::new(proxy.clone(), tls.clone(), connect_timeout, AGENT);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector.clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(https);
        let login = || basic(&Zeroizing::new(format!("{}:{}", config.user, config.password.reveal())));
        let login = config.is_complete().then(login).transpose()?;
        Ok(Self {
            client,
            connector,
            proxy,
            origin: config.origin.clone(),
            health_url: format!("{}{HEALTH_PATH}", config.url.trim_end_matches('/')),
            login,
            timeout: config.timeout,
            max_bytes: made_of.max_bytes,
            concurrency: ConcurrencyLimit::new(made_of.max_requests),
            retries: Retries::new(config.retries, config.max_concurrency),
            health: SourceHealth::of(Source::Harbor),
            made_of,
            went_without_login: AtomicBool::new(false),
        })
    }

    /// When Harbor last answered and last failed.
    pub fn health(&self) -> &SourceHealth {
        &self.health
    }

    /// Whether a request went without the login although there is one, as a component sends them after Harbor refused the login.
    pub fn went_without_login(&self) -> bool {
        self.went_without_login.load(Ordering::Relaxed)
    }

    /// Asks Harbor whether it answers, without the login.
    pub async fn probe(&self) -> Result<()> {
        // The outcome is in `health`.
        let _ = self.send(self.probe_request(false)?, None).await;
        Ok(())
    }

    /// The cheapest request that there is.
    fn probe_request(&self, with_login: bool) -> Result<Parts> {
        let request = Request::get(&self.health_url);
        let request = if with_login { request } else { request.header(NO_LOGIN, protocol::LOGIN_NONE) };
        Ok(request.body(())?.into_parts().0)
    }

    /// Sends a component's request if the policy allows it, and sends it again after a failure that may pass. Reads the whole
    /// answer within the time limit, so that a slow component does not make a fast Harbor look slow. The answer takes its place in
    /// the `room` of the instance that asks, and waits for it.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn send(&self, parts: Parts, room: Option<&AnswerRoom>) -> Result<Response<Bytes>, SendError> {
        let place = match room {
            Some(room) => room.enter().await,
            None => Place::default(),
        };
        let _in_flight = UpstreamInFlight::new();
        let begun = Instant::now();
        let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let mut outcome = or_panicked(self.send_in_time(parts.clone(), &place)).await;
        if place.was_too_small().await {
            outcome = or_panicked(self.send_in_time(parts, &place)).await;
        }
        let (status, seconds) =
            (outcome.as_ref().ok().map(|answer| answer.status().as_u16()), begun.elapsed().as_secs_f64());
        tracing::debug!(path, status, seconds, "asked Harbor");
        self.report(&outcome, begun.elapsed());
        outcome.map(|answer| answer.map(|body| place.hold(body)))
    }

    async fn send_in_time(&self, mut parts: Parts, place: &Place) -> Result<Response<Bytes>, SendError> {
        request_policy::admit(&mut parts, &NO_LOGIN)?;
        let with_login = parts.headers.remove(&NO_LOGIN).is_none();
        if let (true, Some(login)) = (with_login, &self.login) {
            parts.headers.insert(AUTHORIZATION, login.clone());
        } else if self.login.is_some() {
            self.went_without_login.store(true, Ordering::Relaxed);
        }
        parts.headers.entry(USER_AGENT).or_insert(AGENT);
        parts.headers.insert(ACCEPT_ENCODING, content_encoding::ACCEPTED);
        // The time limit begins after the wait for a permit, because it measures Harbor. A request that waits between two
        // tries holds no permit.
        let mut permit = Some(self.concurrency.acquire().await);
        let end = deadline(self.timeout);
        let parts = &parts;
        let tries = self.retries.run(end, || {
            let first = permit.take();
            async move {
                let permit = match first {
                    Some(permit) => permit,
                    None => self.concurrency.acquire().await,
                };
                let outcome = timeout_at(end.into(), self.follow(parts, place)).await;
                let outcome = outcome.unwrap_or_else(|_| Err(self.timed_out().into()));
                permit.ended(parts, &outcome);
                outcome
            }
        });
        // A later try waits for its permit within the time limit.
        timeout_at(end.into(), tries).await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    fn timed_out(&self) -> SendError {
        let limit = self.timeout.as_secs_f64();
        let message =
            format!("no complete answer within {limit} s; is Harbor overloaded? harbor_config.timeout sets the limit");
        SendError::failed(FailureKind::TimedOut, message)
    }

    /// Counts the outcome of a request, and reports it as Harbor's health.
    fn report(&self, outcome: &Result<Response<Bytes>, SendError>, elapsed: Duration) {
        let (status, failure) = match outcome {
            Ok(response) => {
                let status = response.status();
                (Some(status), failure_of(status).map(|kind| (kind, format!("it answered {status}"))))
            }
            Err(error) => (None, Some((error.kind(), error.to_string()))),
        };
        metrics::upstream_ended(status.as_ref().map_or("none", StatusCode::as_str), elapsed);
        match failure {
            None => self.health.answered(),
            Some((kind, message)) => self.health.failed(kind, message),
        }
    }

    /// Makes one try, and follows its redirects.
    async fn follow(&self, parts: &Parts, place: &Place) -> Result<Response<Bytes>, Failure> {
        let mut uri = parts.uri.clone();
        for _ in 0..=MAX_REDIRECTS {
            if !self.origin.as_ref().is_some_and(|origin| origin.contains(&uri)) {
                let authority = uri.authority().map_or("", |authority| authority.as_str());
                return Err(Refusal::Destination.report(authority).into());
            }
            let mut request = Request::new(Empty::new());
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = parts.headers.clone();
            let forward = self.proxy.as_deref().filter(|_| uri.scheme() == Some(&Scheme::HTTP));
            if let Some(login) = forward.and_then(|proxy| proxy.login.clone()) {
                request.headers_mut().insert(PROXY_AUTHORIZATION, login);
            }
            let response = match self.client.request(request).await {
                Ok(response) => response,
                Err(error) => {
                    let shares_nothing = failure::tls_error(&error).is_some_and(tls_failure::shares_nothing);
                    let offer = if shares_nothing { self.tls_offer(&uri).await } else { None };
                    return Err(Failure::no_answer(&error, self.proxy.as_deref(), offer));
                }
            };
            if let (Some(proxy), StatusCode::PROXY_AUTHENTICATION_REQUIRED) = (forward, response.status()) {
                return Err(Failure::refused_by_proxy(response.status(), proxy));
            }
            if !response.status().is_redirection() || !response.headers().contains_key(LOCATION) {
                return self.collect(response, place).await;
            }
            uri = redirect::target(self.origin.as_ref(), &uri, &response)?;
        }
        let message = format!("more than {MAX_REDIRECTS} redirects; check harbor_config.url");
        Err(SendError::failed(FailureKind::Redirect, message).into())
    }

    /// What the server offers, where it shares no version or cipher of TLS with this program.
    async fn tls_offer(&self, uri: &Uri) -> Option<tls::Offer> {
        let ask = async {
            let stream = self.connector.clone().call(uri.clone()).await.ok()?;
            tls::ask_for_offer(&mut TokioIo::new(stream), uri.host()?).await
        };
        tokio::time::timeout(OFFER_TIMEOUT, ask).await.ok().flatten()
    }

    async fn collect(
        &self,
        response: Response<hyper::body::Incoming>,
        place: &Place,
    ) -> Result<Response<Bytes>, Failure> {
        let (mut parts, body) = response.into_parts();
        answer_head::check(&parts.headers)?;
        let encoded = answer_body::collect(body, self.max_bytes, place).await?;
        parts.headers.remove(TRANSFER_ENCODING);
        parts.headers.remove(CONNECTION);
        let room = place.bytes(self.max_bytes);
        let mut body = content_encoding::decoded(&mut parts.headers, encoded.clone(), room).await;
        let is_too_large = body.as_ref().is_err_and(|error| error.kind() == FailureKind::TooLarge);
        if is_too_large && room < self.max_bytes && place.may_hold(self.max_bytes) {
            body = content_encoding::decoded(&mut parts.headers, encoded, self.max_bytes).await;
        }
        let body = body?;
        Failure::of(Response::from_parts(parts, body))
    }
}

/// The outcome of a request. A panic on the way to it fails this request only, so that the rows of the node arrive.
async fn or_panicked<T>(request: impl Future<Output = Result<T, SendError>>) -> Result<T, SendError> {
    let outcome = panics::catch(request).await;
    outcome.unwrap_or_else(|panicked| Err(SendError::failed(FailureKind::Other, panicked.to_string())))
}

/// The proxy of this route, with the header of its login.
fn proxy(route: &Route) -> Result<Option<Arc<Proxy>>> {
    let Route::Through(config::Proxy { uri, login, named_by }) = route else { return Ok(None) };
    let login = login.as_ref().map(|login| basic(login.reveal())).transpose()?;
    Ok(Some(Arc::new(Proxy { uri: uri.clone(), login, named_by })))
}

/// The value of `Authorization` for `USER:PASSWORD`. It is wiped when it is dropped, as is every copy of the login made here.
fn basic(pair: &str) -> Result<HeaderValue> {
    const SCHEME: &[u8] = b"Basic ";
    // Allocated at its final length, because growing would leave copies behind.
    let mut value = Zeroizing::new(vec![0; SCHEME.len() + pair.len().div_ceil(3) * 4]);
    let (scheme, encoded) = value.split_at_mut(SCHEME.len());
    scheme.copy_from_slice(SCHEME);
    STANDARD.encode_slice(pair.as_bytes(), encoded)?;
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))?;
    // Keeps the value out of logs.
    value.set_sensitive(true);
    Ok(value)
}

/// The kind of failure of a status; `None` for a success.
fn failure_of(status: StatusCode) -> Option<FailureKind> {
    match status.as_u16() {
        401 | 403 => Some(FailureKind::Denied),
        429 => Some(FailureKind::Throttled),
        400..=499 => Some(FailureKind::ClientError),
        500..=599 => Some(FailureKind::ServerError),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_failure_of_one_request() {
        let failed = or_panicked::<()>(async { panic!("told to") }).await.unwrap_err();
        assert_eq!(failed.kind(), FailureKind::Other);
        assert!(failed.to_string().starts_with("the program failed (a bug; the log has"), "{failed}");
        assert_eq!(or_panicked(async { Ok(7) }).await, Ok(7));
    }
}
