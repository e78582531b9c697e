//! Outbound HTTP for components: one pooled client that speaks to the configured Harbor only and adds its login.
//!
//! Requests are read-only (GET and HEAD). A request with the header `image-service-login: none` goes without the login,
//! for components that found out that it is refused.

mod failure;
mod gate;
mod retry;
pub(crate) mod tls;

use crate::config;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use failure::Failure;
use gate::Refused;
use http::header::{AUTHORIZATION, CONNECTION, HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use retry::Retries;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use url::Url;
use wasmtime_wasi_http::{Error, WasiBody};
use zeroize::Zeroizing;

/// The header by which a component asks for the login to be left out.
pub(crate) const NO_LOGIN: HeaderName = HeaderName::from_static("image-service-login");
/// Redirects within the origin that are followed.
const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(url::Origin);

impl Origin {
    /// The origin of an http or https address.
    ///
    /// # Errors
    ///
    /// When the text is none, with how to write it.
    pub fn of(text: &str) -> Result<Self> {
        let help = "write it as https://harbor.example.com, with a port or a path if need be";
        let url = Url::parse(text).with_context(|| help)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            bail!("it is no http:// or https:// address; {help}");
        }
        if !url.username().is_empty() || url.password().is_some() {
            bail!("it holds a user or password; put them into harbor_config.user and harbor_config.password");
        }
        Ok(Self(url.origin()))
    }

    fn has(&self, uri: &Uri) -> bool {
        // Written as it is meant: what another reader of addresses could take for another host (a number as an address, a
        // user before an @) is not this origin.
        Url::parse(&uri.to_string()).is_ok_and(|url| {
            url.origin() == self.0
                && uri.host().zip(url.host_str()).is_some_and(|(host, read)| host.eq_ignore_ascii_case(read))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        })
    }
}

/// The way to Harbor.
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// `None`: nothing is granted.
    origin: Option<Origin>,
    login: Option<HeaderValue>,
    timeout: Duration,
    /// Bytes of one answer.
    max_bytes: usize,
    /// Requests under way, of all components and instances.
    permits: Semaphore,
    retries: Retries,
}

impl Outbound {
    /// The way to the configured Harbor, or nowhere when there is none.
    ///
    /// # Errors
    ///
    /// When `ca_file` can't be read or holds no certificate.
    pub fn new(config: &config::Harbor, limits: &config::Limits) -> Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT.min(config.timeout)));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client(config.verify_ssl, config.ca_file.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .build(https);
        let login = config.is_complete().then(|| basic(config)).transpose()?;
        let origin = (!config.url.is_empty()).then(|| Origin::of(&config.url)).transpose()?;
        Ok(Self {
            client,
            origin,
            login,
            timeout: config.timeout,
            max_bytes: limits.max_upstream_bytes,
            permits: Semaphore::new(limits.max_upstream_requests.min(Semaphore::MAX_PERMITS)),
            retries: Retries::new(config.retries, config.max_concurrency),
        })
    }

    /// Sends a component's request, if it may be sent, and again where it fails in a way that may pass. The whole answer is
    /// read within the time limit, so that a slow reader can't make a prompt Harbor look slow.
    ///
    /// # Errors
    ///
    /// `HttpRequestDenied` for other methods and destinations; else what went wrong, in words.
    pub async fn send(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let (mut parts, _) = request.into_parts();
        gate::admit(&mut parts, &NO_LOGIN)?;
        let with_login = parts.headers.remove(&NO_LOGIN).is_none();
        if let (true, Some(login)) = (with_login, &self.login) {
            parts.headers.insert(AUTHORIZATION, login.clone());
        }
        // The time limit is Harbor's; waiting for others is not its fault. Whoever waits between two tries has no permit.
        let mut permit = Some(self.permit().await);
        let deadline = Instant::now() + self.timeout;
        let parts = &parts;
        let tries = self.retries.run(deadline, || {
            let first = permit.take();
            async move {
                let _permit = match first {
                    Some(permit) => permit,
                    None => self.permit().await,
                };
                self.follow(parts).await
            }
        });
        match timeout_at(deadline, tries).await {
            Ok(outcome) => outcome,
            Err(_) => Err(words(format!(
                "no complete answer within {} s; is Harbor overloaded? harbor_config.timeout sets the limit",
                self.timeout.as_secs_f64()
            ))),
        }
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.permits.acquire().await.ok()
    }

    /// One try.
    async fn follow(&self, parts: &http::request::Parts) -> Result<Response<WasiBody>, Failure> {
        let mut uri = parts.uri.clone();
        for _ in 0..=MAX_REDIRECTS {
            if !self.origin.as_ref().is_some_and(|origin| origin.has(&uri)) {
                let authority = uri.authority().map_or("", |authority| authority.as_str());
                return Err(Refused::Destination.tell(authority).into());
            }
            let mut request = Request::new(Empty::new());
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = parts.headers.clone();
            let response = self.client.request(request).await.map_err(|error| Failure::no_answer(&error))?;
            if !response.status().is_redirection() || !response.headers().contains_key(LOCATION) {
                return self.collect(response).await;
            }
            uri = self.redirected(&uri, &response)?;
        }
        Err(words(format!("more than {MAX_REDIRECTS} redirects; check harbor_config.url")).into())
    }

    fn redirected(&self, from: &Uri, response: &Response<hyper::body::Incoming>) -> Result<Uri, Error> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let target = Url::parse(&from.to_string())
            .and_then(|base| base.join(location))
            .map_err(|_| words(format!("redirected to {location:?}, which is no address")))?;
        if self.origin.as_ref().is_some_and(|origin| origin.0 == target.origin()) {
            return target.as_str().parse().map_err(|_| Error::HttpRequestUriInvalid);
        }
        let _ = Refused::Redirect.tell(target.as_str());
        Err(words(format!(
            "redirected to {}, which is not the configured Harbor, so not followed; set harbor_config.url to the address \
             that Harbor really has",
            target.origin().ascii_serialization()
        )))
    }

    async fn collect(&self, response: Response<hyper::body::Incoming>) -> Result<Response<WasiBody>, Failure> {
        let (mut parts, body) = response.into_parts();
        let body = Limited::new(body, self.max_bytes).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                let limit = self.max_bytes;
                words(format!(
                    "the answer is larger than {limit} bytes; limits_config.max_upstream_bytes sets the limit"
                ))
                .into()
            } else {
                Failure::broken_off(&*error)
            }
        })?;
        parts.headers.remove(TRANSFER_ENCODING);
        parts.headers.remove(CONNECTION);
        let body = Full::new(body.to_bytes()).map_err(|never| match never {}).boxed_unsync();
        Failure::of(Response::from_parts(parts, body))
    }
}

/// The value of `Authorization`; the only copies of the login that are made on the way to it are wiped, as the value is.
fn basic(config: &config::Harbor) -> Result<HeaderValue> {
    const SCHEME: &[u8] = b"Basic ";
    let pair = Zeroizing::new(format!("{}:{}", config.user, config.password.reveal()));
    // As long as it comes to be: growing would leave copies behind.
    let mut value = Zeroizing::new(vec![0; SCHEME.len() + pair.len().div_ceil(3) * 4]);
    let (scheme, encoded) = value.split_at_mut(SCHEME.len());
    scheme.copy_from_slice(SCHEME);
    STANDARD.encode_slice(pair.as_bytes(), encoded)?;
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))?;
    // Nobody's logs show it.
    value.set_sensitive(true);
    Ok(value)
}

/// The error that carries words to the component; all others are codes.
fn words(message: String) -> Error {
    Error::InternalError(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = Origin::of("https://harbor.example.com/prefix").unwrap();
        let has = |uri: &str| origin.has(&uri.parse().unwrap());
        assert!(has("https://harbor.example.com/api/v2.0/projects"));
        assert!(has("https://HARBOR.example.com:443/"));
        for other in [
            "http://harbor.example.com/",
            "https://harbor.example.com:8443/",
            "https://harbor.example.com.evil.example/",
            "https://harbor.example.com@evil.example/",
            "https://169.254.169.254/",
            "https://user:pass@harbor.example.com/",
            "https://harbor.example.com./",
        ] {
            assert!(!has(other), "{other}");
        }
    }

    #[test]
    fn an_address_that_is_read_in_two_ways_is_no_origin() {
        let origin = Origin::of("http://127.0.0.1:8080").unwrap();
        let has = |uri: &str| origin.has(&uri.parse().unwrap());
        assert!(has("http://127.0.0.1:8080/"));
        for other in ["http://2130706433:8080/", "http://0177.0.0.1:8080/", "http://127.1:8080/", "http://0x7f.1:8080/"]
        {
            assert!(!has(other), "{other}");
        }
    }

    #[test]
    fn credentials_in_the_url_and_other_schemes_are_refused() {
        assert!(Origin::of("https://user:secret@harbor.example.com").is_err());
        assert!(Origin::of("harbor.example.com").is_err());
        assert!(Origin::of("ftp://harbor.example.com").is_err());
    }
}
