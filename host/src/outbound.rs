//! Outbound HTTP for components: one pooled client that speaks to the configured Harbor only and adds its login.
//!
//! Requests are read-only (GET and HEAD). A request with the header `image-service-login: none` goes without the login,
//! for components that found out that it is refused.

pub(crate) mod tls;

use crate::cause::{self, root_cause};
use crate::config;
use anyhow::{Context, Result, bail};
use base64::Engine;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;
use wasmtime_wasi_http::{Error, WasiBody};

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
        Url::parse(&uri.to_string()).is_ok_and(|url| url.origin() == self.0)
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
        })
    }

    /// Sends a component's request, if it may be sent. The whole answer is read within the time limit, so that a slow
    /// reader can't make a prompt Harbor look slow.
    ///
    /// # Errors
    ///
    /// `HttpRequestDenied` for other methods and destinations; else what went wrong, in words.
    pub async fn send(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let (mut parts, _) = request.into_parts();
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            tracing::warn!(method = %parts.method, "refused a component's request: Harbor is only read");
            return Err(Error::HttpRequestDenied);
        }
        let with_login = parts.headers.remove(&NO_LOGIN).is_none();
        for name in [AUTHORIZATION, COOKIE, HOST, CONNECTION] {
            parts.headers.remove(name);
        }
        if let (true, Some(login)) = (with_login, &self.login) {
            parts.headers.insert(AUTHORIZATION, login.clone());
        }
        // The time limit is Harbor's; waiting for others is not its fault. It is never closed.
        let _permit = self.permits.acquire().await;
        match tokio::time::timeout(self.timeout, self.follow(parts)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(words(format!(
                "no complete answer within {} s; is Harbor overloaded? harbor_config.timeout sets the limit",
                self.timeout.as_secs_f64()
            ))),
        }
    }

    async fn follow(&self, parts: http::request::Parts) -> Result<Response<WasiBody>, Error> {
        let mut uri = parts.uri;
        for _ in 0..=MAX_REDIRECTS {
            if !self.origin.as_ref().is_some_and(|origin| origin.has(&uri)) {
                tracing::warn!(host = uri.host(), "refused a component's request: not the configured Harbor");
                return Err(Error::HttpRequestDenied);
            }
            let mut request = Request::new(Empty::new());
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = parts.headers.clone();
            let response = self.client.request(request).await.map_err(|error| words(explain(&error)))?;
            if !response.status().is_redirection() || !response.headers().contains_key(LOCATION) {
                return self.collect(response).await;
            }
            uri = self.redirected(&uri, &response)?;
        }
        Err(words(format!("more than {MAX_REDIRECTS} redirects; check harbor_config.url")))
    }

    fn redirected(&self, from: &Uri, response: &Response<hyper::body::Incoming>) -> Result<Uri, Error> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let target = Url::parse(&from.to_string())
            .and_then(|base| base.join(location))
            .map_err(|_| words(format!("redirected to {location:?}, which is no address")))?;
        if self.origin.as_ref().is_some_and(|origin| origin.0 == target.origin()) {
            return target.as_str().parse().map_err(|_| Error::HttpRequestUriInvalid);
        }
        Err(words(format!(
            "redirected to {}, which is not the configured Harbor, so not followed; set harbor_config.url to the address \
             that Harbor really has",
            target.origin().ascii_serialization()
        )))
    }

    async fn collect(&self, response: Response<hyper::body::Incoming>) -> Result<Response<WasiBody>, Error> {
        let (mut parts, body) = response.into_parts();
        let body = Limited::new(body, self.max_bytes).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                words(format!(
                    "the answer is larger than {} bytes; limits_config.max_upstream_bytes sets the limit",
                    self.max_bytes
                ))
            } else {
                words(format!("the answer broke off before its end ({})", root_cause(&*error)))
            }
        })?;
        parts.headers.remove(TRANSFER_ENCODING);
        parts.headers.remove(CONNECTION);
        let body = Full::new(body.to_bytes()).map_err(|never| match never {}).boxed_unsync();
        Ok(Response::from_parts(parts, body))
    }
}

fn basic(config: &config::Harbor) -> Result<HeaderValue> {
    let pair = format!("{}:{}", config.user, config.password.reveal());
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The error that carries words to the component; all others are codes.
fn words(message: String) -> Error {
    Error::InternalError(Some(message))
}

/// What went wrong and what to do.
fn explain(error: &hyper_util::client::legacy::Error) -> String {
    let cause = root_cause(error);
    let chain = cause::chain(error).map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if let Some(error) = cause::chain(error).find_map(|error| error.downcast_ref()) {
        return tls::explain(error);
    }
    if chain.contains("dns error") {
        return format!("the host name can't be resolved ({cause}); check harbor_config.url");
    }
    if chain.contains("Connection refused") {
        return "connection refused; is Harbor running, and is this its port?".to_owned();
    }
    if cause::chain(error).filter_map(|error| error.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse) {
        return format!("what answered is no HTTP ({cause}); is it https:// that harbor_config.url should begin with?");
    }
    if error.is_connect() {
        return format!("no connection ({cause}); can this machine reach Harbor?");
    }
    format!("the connection broke before the answer ({cause})")
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
        ] {
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
