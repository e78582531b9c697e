//! One connection: HTTP/1.1 or HTTP/2, until the client or the server ends it.

use super::application::Application;
use super::body::{OutgoingBody, request_body};
use super::connection_state::ConnectionState;
use super::exchange::exchange;
use super::socket::{Socket, Stream};
use crate::access::Peer;
use crate::response::BoxError;
use hyper::Version;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use image_service_config::Limits;
use image_service_telemetry::metrics::OpenConnection;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Most requests of one HTTP/2 connection at a time.
const MAX_STREAMS: u32 = 128;
/// Bytes that a client may send before the application reads them: of one request, and of all. Few requests have a body.
const REQUEST_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of an answer that hyper buffers over HTTP/2 while the client has no room for them.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves one client. `current` holds the application that answers new requests.
pub(super) async fn serve<A: Application>(
    stream: Stream,
    state: Arc<ConnectionState>,
    current: watch::Receiver<Arc<A>>,
) {
    let _open = OpenConnection::accepted();
    let app = Arc::clone(&current.borrow());
    let (limits, tls) = (app.limits().clone(), app.access().tls());
    // A reload may replace it long before the connection ends.
    drop(app);
    let address = stream.peer_address();
    let socket = Socket::new(stream, Arc::clone(&state));
    let outcome = match tls {
        None => serve_http(socket, &limits, &state, current, Peer { address, over_tls: false }).await,
        Some(config) => match handshake_or_close(TlsAcceptor::from(config).accept(socket), &state).await {
            Some(Ok(stream)) => serve_http(stream, &limits, &state, current, Peer { address, over_tls: true }).await,
            Some(Err(error)) => Err(error.into()),
            None => Ok(()),
        },
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended: {error}");
    }
}

/// Begins TLS; `None` when the server closes the connection during the handshake.
async fn handshake_or_close<T>(handshake: impl Future<Output = T>, state: &ConnectionState) -> Option<T> {
    let mut handshake = pin!(handshake);
    poll_fn(|cx| match handshake.as_mut().poll(cx) {
        Poll::Pending if state.is_closing(cx.waker()) => Poll::Ready(None),
        outcome => outcome.map(Some),
    })
    .await
}

/// Serves HTTP on the stream until the client ends the connection or the server closes it.
async fn serve_http<A: Application>(
    io: impl AsyncRead + AsyncWrite + Unpin + 'static,
    limits: &Limits,
    state: &Arc<ConnectionState>,
    current: watch::Receiver<Arc<A>>,
    peer: Peer,
) -> Result<(), BoxError> {
    let builder = builder(limits);
    let connection = builder.serve_connection(
        TokioIo::new(io),
        service_fn(|request| {
            let active = state.begin_request();
            let progress = (request.version() == Version::HTTP_2).then(|| state.track_body());
            let request = request.map(|body| request_body(body, state));
            let app = Arc::clone(&current.borrow());
            async move {
                let answer = exchange(&*app, request, peer).await;
                Ok::<_, Infallible>(answer.map(|body| OutgoingBody::new(body, progress, active)))
            }
        }),
    );
    let mut connection = pin!(connection);
    let mut shutdown_begun = false;
    poll_fn(|cx| {
        // A request that has already arrived gets its answer before the connection closes.
        let closing = state.is_closing(cx.waker());
        if let Poll::Ready(end) = connection.as_mut().poll(cx) {
            return Poll::Ready(end);
        }
        if closing && !shutdown_begun {
            shutdown_begun = true;
            connection.as_mut().graceful_shutdown();
            return connection.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}

/// hyper's timers are off, because each request would need one: `ConnectionState` measures how long a client takes.
fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None).max_buf_size(limits.max_header_bytes);
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(REQUEST_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}
