//! One connection: HTTP/1.1 or HTTP/2, until the client or the server ends it.

use super::application::Application;
use super::body::{Answered, asked};
use super::connection_state::ConnectionState;
use super::socket::{Socket, Stream};
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

/// Requests of one client at a time over HTTP/2.
const STREAMS: u32 = 128;
/// Bytes that a client may send before they are read, of a request and of all. Few requests have a body.
const REQUEST_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of an answer that HTTP/2 takes on before the client has room for them.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves one client. `current` is what answers at the time of each request.
pub(super) async fn serve<A: Application>(
    stream: Stream,
    state: Arc<ConnectionState>,
    current: watch::Receiver<Arc<A>>,
) {
    let _open = OpenConnection::accepted();
    let app = Arc::clone(&current.borrow());
    let (limits, tls) = (app.limits().clone(), app.access().tls());
    // It may be replaced long before the connection ends.
    drop(app);
    let socket = Socket::new(stream, Arc::clone(&state));
    let outcome = match tls {
        None => speak(socket, &limits, &state, current, false).await,
        Some(config) => match shake_hands(TlsAcceptor::from(config).accept(socket), &state).await {
            Some(Ok(stream)) => speak(stream, &limits, &state, current, true).await,
            Some(Err(error)) => Err(error.into()),
            None => Ok(()),
        },
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended: {error}");
    }
}

/// Begins TLS; nothing when the connection is told to end before.
async fn shake_hands<T>(handshake: impl Future<Output = T>, state: &ConnectionState) -> Option<T> {
    let mut handshake = pin!(handshake);
    poll_fn(|cx| match handshake.as_mut().poll(cx) {
        Poll::Pending if state.is_closing(cx.waker()) => Poll::Ready(None),
        outcome => outcome.map(Some),
    })
    .await
}

/// Speaks HTTP over it, until it ends or is told to.
async fn speak<A: Application>(
    io: impl AsyncRead + AsyncWrite + Unpin + 'static,
    limits: &Limits,
    state: &Arc<ConnectionState>,
    current: watch::Receiver<Arc<A>>,
    over_tls: bool,
) -> Result<(), BoxError> {
    let builder = builder(limits);
    let connection = builder.serve_connection(
        TokioIo::new(io),
        service_fn(|request| {
            let under_way = state.begin();
            let progress = (request.version() == Version::HTTP_2).then(|| state.body());
            let request = request.map(|body| asked(body, state));
            let app = Arc::clone(&current.borrow());
            async move {
                let answer = app.answer(request, over_tls).await;
                Ok::<_, Infallible>(answer.map(|body| Answered::new(body, progress, under_way)))
            }
        }),
    );
    let mut connection = pin!(connection);
    let mut told = false;
    poll_fn(|cx| {
        // A request that is there already is answered before the connection is told to end.
        let closing = state.is_closing(cx.waker());
        if let Poll::Ready(end) = connection.as_mut().poll(cx) {
            return Poll::Ready(end);
        }
        if closing && !told {
            told = true;
            connection.as_mut().graceful_shutdown();
            return connection.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}

/// Without hyper's timers, which would cost every request one: `ConnectionState` tells how long a client takes.
fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None).max_buf_size(limits.max_header_bytes);
    builder
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(REQUEST_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}
