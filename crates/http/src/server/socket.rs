//! One client's socket, TCP or Unix, which records the client's progress.

use super::connection_state::ConnectionState;
use image_service_memory::{BUDGET, HeldBySystem};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// About what the system holds of a socket that takes no more: what may be unsent, and the packet that went beyond it.
const FULL_BUFFER_BYTES: u64 = 64 * 1024;

/// What the system holds, on the average, of requests that the program has not read, where clients send as much as they can.
const RECEIVED_BYTES: u64 = 16 * 1024;

/// A stream to a client.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// The client's address; `None` for a Unix socket.
    pub(super) fn peer_address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => Some(stream.peer_addr().ok()?.ip().to_canonical()),
            Self::Unix(_) => None,
        }
    }
}

/// A client's socket, which counts the bytes written to it.
pub(super) struct Socket {
    stream: Stream,
    state: Arc<ConnectionState>,
    _received: HeldBySystem,
    /// While the client does not take what there is.
    held: Option<HeldBySystem>,
}

impl Socket {
    pub(super) fn new(stream: Stream, state: Arc<ConnectionState>) -> Self {
        Self { stream, state, _received: BUDGET.held_by_system(RECEIVED_BYTES), held: None }
    }

    fn record(&mut self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(bytes)) => {
                self.state.socket.record(*bytes);
                self.held = None;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.state.socket.set_waiting(true);
                self.held.get_or_insert_with(|| BUDGET.held_by_system(FULL_BUFFER_BYTES));
            }
        }
        outcome
    }
}

/// Makes the same call on either kind of stream.
macro_rules! either {
    ($socket:expr, $stream:ident => $call:expr) => {
        match &mut $socket.stream {
            Stream::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.state.holds_reading_back(cx.waker()) {
            return Poll::Pending;
        }
        either!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = either!(self, stream => stream.poll_write(cx, bytes));
        self.record(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = either!(self, stream => stream.poll_write_vectored(cx, slices));
        self.record(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = either!(self, stream => stream.poll_flush(cx));
        if outcome.is_ready() {
            self.state.flushed();
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}
