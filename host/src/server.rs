//! The listener: HTTP in, the composition's answers out, and a quiet end on SIGTERM and SIGINT.

use crate::runtime::Service;
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wasmtime_wasi_http::WasiBody;

/// How long requests under way may take to end.
const DRAIN: Duration = Duration::from_secs(30);
/// How long a client may take over its request's headers.
const HEADERS: Duration = Duration::from_secs(30);

/// A listening socket, and the signals that end its service.
pub struct Server {
    listener: TcpListener,
    terminate: Signal,
    interrupt: Signal,
}

impl Server {
    /// Opens the listening socket. From now on SIGTERM and SIGINT don't end the program by themselves.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken.
    pub async fn listen(address: &str) -> Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("can't listen on {address}; does something else use the port? --listen takes another")
        })?;
        Ok(Self { listener, terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// When the system can't say it.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until SIGTERM or SIGINT, then lets requests under way end.
    pub async fn serve(self, service: Arc<Service>) {
        let Self { listener, mut terminate, mut interrupt } = self;
        let connections = GracefulShutdown::new();
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
        loop {
            let stream = tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file descriptors, say; it passes.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let _ = stream.set_nodelay(true);
            let service = Arc::clone(&service);
            let answer = service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(answer(&service, request).await) }
            });
            let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!("a connection ended: {error}");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
            tracing::warn!("requests still under way after {} s were cut off", DRAIN.as_secs());
        }
    }
}

async fn answer(service: &Service, request: Request<Incoming>) -> Response<WasiBody> {
    if request.uri().path() == "/healthz" && matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::OK, "text/plain", "ok\n");
    }
    let request = request.map(|body| body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync());
    match service.handle(request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!("a request failed: {error:#}");
            let problem = "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,\"detail\":\"The \
                           composition failed; the log says why.\"}\n";
            text(StatusCode::INTERNAL_SERVER_ERROR, "application/problem+json", problem)
        }
    }
}

fn text(status: StatusCode, content_type: &'static str, body: &'static str) -> Response<WasiBody> {
    let body = Full::new(Bytes::from_static(body.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}
