//! One connection: HTTP/1.1 or HTTP/2, until the client or the server ends it.

use super::application::Application;
use super::body::{OutgoingBody, request_body};
use super::connection_state::ConnectionState;
use super::exchange::{exchange, refuse_beyond_limit};
use super::socket::{Socket, Stream};
use crate::access::Peer;
use crate::response::BoxError;
use crate::routes::Route;
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
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Most requests of one HTTP/2 connection at a time, and of all together, about. A request that waits takes some kilobytes.
const MAX_STREAMS: usize = 128;
const MAX_STREAMS_OF_ALL: usize = 2048;
/// What each connection may have, however many there are.
const MIN_STREAMS: usize = 8;
/// Bytes that a client may send before the application reads them: of one request, and of all. Few requests have a body.
const REQUEST_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of an answer that hyper buffers over HTTP/2 while the client has no room for them.
const SEND_BUFFER: usize = 64 * 1024;

/// How long the server reads what a client still sends after its handshake failed.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The requests at a time of a connection over HTTP/2, where so many connections are open: the more, the fewer.
fn max_streams(connections: usize) -> u32 {
    let share = MAX_STREAMS_OF_ALL / connections.max(1);
    u32::try_from(share.clamp(MIN_STREAMS, MAX_STREAMS)).unwrap_or(u32::MAX)
}

/// Serves one client, when so many connections are open. `current` holds the application that answers new requests.
pub(super) async fn serve<A: Application>(
    stream: Stream,
    state: Arc<ConnectionState>,
    current: watch::Receiver<Arc<A>>,
    connections: usize,
) {
    let _open = OpenConnection::accepted();
    let app = Arc::clone(&current.borrow());
    let (limits, tls) = (app.limits().clone(), app.access().tls());
    // A reload may replace it long before the connection ends.
    drop(app);
    let address = stream.peer_address();
    let socket = Socket::new(stream, Arc::clone(&state));
    let builder = builder(&limits, max_streams(connections));
    let outcome = match tls {
        None => serve_http(socket, &builder, &state, current, Peer { address, ..Peer::default() }).await,
        Some(tls) => {
            let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(socket).into_fallible();
            match handshake_or_close(handshake, &state).await {
                Some(Ok(stream)) => {
                    let peer = Peer { address, over_tls: true, authorities: tls.clients };
                    serve_http(stream, &builder, &state, current, peer).await
                }
                Some(Err((error, mut socket))) => {
                    let app = Arc::clone(&current.borrow());
                    if let Some(left_out) = app.access().seldom().may_say(&error.to_string()) {
                        tracing::info!("a client got no connection with TLS: {error}{left_out}");
                    }
                    drop(app);
                    linger(&mut socket).await;
                    Ok(())
                }
                None => Ok(()),
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended: {error}");
    }
}

/// Lets the client read why its handshake failed: what it has sent and nobody reads would make the system throw that away.
async fn linger(socket: &mut Socket) {
    let _ = socket.shutdown().await;
    let mut rest = [0; 1024];
    let read = async { while matches!(socket.read(&mut rest).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(LINGER_TIMEOUT, read).await;
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
    builder: &Builder<TokioExecutor>,
    state: &Arc<ConnectionState>,
    current: watch::Receiver<Arc<A>>,
    peer: Peer,
) -> Result<(), BoxError> {
    let connection = builder.serve_connection(
        TokioIo::new(io),
        service_fn(|request| {
            let is_probe = Route::of(request.uri().path()).is_probe();
            let active = state.begin_request(is_probe);
            let is_refused = !is_probe && state.is_beyond_limit();
            let app = Arc::clone(&current.borrow());
            if is_refused || !app.access().still_trusts(peer) {
                // After this answer.
                state.close();
            }
            let progress = (request.version() == Version::HTTP_2).then(|| state.track_body());
            let request = request.map(|body| request_body(body, state));
            async move {
                let answer = if is_refused {
                    refuse_beyond_limit(&*app, &request, peer)
                } else {
                    exchange(&*app, request, peer).await
                };
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
fn builder(limits: &Limits, max_streams: u32) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None).max_buf_size(limits.max_header_bytes);
    builder
        .http2()
        .max_concurrent_streams(max_streams)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(REQUEST_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_connections_are_open_the_fewer_requests_may_each_have() {
        assert_eq!([0, 1, 16, 32, 256, 100_000].map(max_streams), [128, 128, 128, 64, 8, 8]);
        let all: usize = (1..=1024).map(|open| max_streams(open) as usize).sum();
        assert!(all < 16 * 1024, "{all} requests of 1024 connections");
    }
}
