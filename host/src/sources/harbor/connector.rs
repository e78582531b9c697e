//! Connections to Harbor: directly, or through a proxy. To https, the proxy opens a tunnel (CONNECT), and TLS is spoken with Harbor
//! through it. To plain http, it gets requests with whole addresses. Whether a request may be sent at all is decided before: no
//! component can reach the proxy or anything behind it but Harbor.

use bytes::Bytes;
use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::upgrade::Upgraded;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower::Service;

type BoxError = Box<dyn StdError + Send + Sync>;
/// A connection to the proxy, or to Harbor itself.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// The proxy, ready to use.
#[derive(Debug)]
pub(super) struct Proxy {
    /// Scheme, host and port, without the login.
    pub(super) uri: Uri,
    /// The value of `Proxy-Authorization`.
    pub(super) login: Option<HeaderValue>,
    /// The key or variable that names it.
    pub(super) named_by: &'static str,
}

/// Why the proxy made no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// The proxy itself can't be reached.
    #[error("the proxy {0} can't be reached")]
    Unreachable(Uri, #[source] BoxError),
    /// It answered another status than a success.
    #[error("the proxy refused the connection ({0})")]
    Refused(StatusCode),
    /// It ended the connection, or did not speak HTTP.
    #[error("the proxy broke off")]
    Broken(#[source] hyper::Error),
    /// It did not answer in time.
    #[error("the proxy did not answer")]
    TimedOut,
}

/// Connects to Harbor.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    proxy: Option<Arc<Proxy>>,
    timeout: Duration,
    agent: HeaderValue,
}

impl Connector {
    /// `tls` is for the connection to the proxy, where that speaks https.
    pub(super) fn new(proxy: Option<Arc<Proxy>>, tls: ClientConfig, timeout: Duration, agent: HeaderValue) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(timeout));
        let inner =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
        Self { inner, proxy, timeout, agent }
    }

    async fn connect(mut self, to: Uri) -> Result<ProxiedStream, BoxError> {
        let Some(proxy) = self.proxy.take() else {
            return Ok(ProxiedStream::Direct(Box::new(self.inner.call(without_tls(&to)?).await?)));
        };
        let connected = self.inner.call(proxy.uri.clone()).await;
        let stream = connected.map_err(|error| ProxyError::Unreachable(proxy.uri.clone(), error))?;
        if to.scheme() != Some(&Scheme::HTTPS) {
            return Ok(ProxiedStream::Forward(Box::new(stream)));
        }
        let tunnel = tokio::time::timeout(self.timeout, tunnel(stream, &to, &proxy, self.agent)).await;
        Ok(ProxiedStream::Tunnel(tunnel.unwrap_or(Err(ProxyError::TimedOut))?))
    }
}

impl Service<Uri> for Connector {
    type Response = ProxiedStream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<ProxiedStream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().connect(to))
    }
}

/// The same host and port with the scheme http: TLS with Harbor comes over this connection, not in it.
fn without_tls(to: &Uri) -> Result<Uri, BoxError> {
    let mut parts = to.clone().into_parts();
    parts.authority = Some(authority(to).parse()?);
    parts.scheme = Some(Scheme::HTTP);
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Ok(Uri::from_parts(parts)?)
}

/// Host and port.
fn authority(to: &Uri) -> String {
    let default = if to.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    format!("{}:{}", to.host().unwrap_or_default(), to.port_u16().unwrap_or(default))
}

async fn tunnel(stream: Stream, to: &Uri, proxy: &Proxy, agent: HeaderValue) -> Result<Upgraded, ProxyError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(ProxyError::Broken)?;
    // It ends with the tunnel, or when nobody waits for it any more.
    tokio::spawn(connection.with_upgrades());
    let target = authority(to);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = http::Method::CONNECT;
    *request.uri_mut() = target.parse().map_err(|_| ProxyError::Refused(StatusCode::BAD_REQUEST))?;
    request.headers_mut().insert(USER_AGENT, agent);
    request.headers_mut().extend(HeaderValue::try_from(target).ok().map(|host| (HOST, host)));
    request.headers_mut().extend(proxy.login.clone().map(|login| (PROXY_AUTHORIZATION, login)));
    let response = sender.send_request(request).await.map_err(ProxyError::Broken)?;
    if !response.status().is_success() {
        return Err(ProxyError::Refused(response.status()));
    }
    hyper::upgrade::on(response).await.map_err(ProxyError::Broken)
}

/// A connection over which Harbor can be asked.
pub(super) enum ProxiedStream {
    Direct(Box<Stream>),
    /// To a proxy that passes requests on.
    Forward(Box<Stream>),
    /// Through a proxy that passes bytes on.
    Tunnel(Upgraded),
}

impl Connection for ProxiedStream {
    fn connected(&self) -> Connected {
        match self {
            Self::Direct(stream) => stream.connected(),
            Self::Forward(stream) => stream.connected().proxy(true),
            Self::Tunnel(_) => Connected::new(),
        }
    }
}

impl Read for ProxiedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Direct(stream) | Self::Forward(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tunnel(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for ProxiedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Direct(stream) | Self::Forward(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tunnel(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Direct(stream) | Self::Forward(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tunnel(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Direct(stream) | Self::Forward(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tunnel(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Direct(stream) | Self::Forward(stream) => stream.is_write_vectored(),
            Self::Tunnel(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Direct(stream) | Self::Forward(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tunnel(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }
}
