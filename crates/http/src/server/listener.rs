//! The sockets that clients connect to: an address to listen on, or sockets that the service manager passed
//! (`LISTEN_FDS`, sd_listen_fds(3)).

use super::socket::Stream;
use crate::address::Address;
use anyhow::{Context, Result, anyhow};
use listenfd::ListenFd;
use socket2::SockRef;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::Poll;
use tokio::net::{TcpListener, UnixListener};

/// Most bytes, about, that the system holds of an answer before it has sent them (tcp(7), TCP_NOTSENT_LOWAT); what it has sent waits in
/// the client's window. Without it, the system takes four megabytes of each client that reads nothing, and counts them as the
/// program's (cgroup v2).
const UNSENT_BYTES: u32 = 16 * 1024;
/// Bytes that the system holds of requests that the program does not read; it takes twice as many for its own records (socket(7)).
const RECEIVE_BUFFER: usize = 32 * 1024;

/// The sockets that clients connect to, one or more.
pub(super) struct Listener(Vec<BoundSocket>);

enum BoundSocket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Takes the sockets that the service manager passed, else opens one on the address.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken, or a passed socket is no listening stream socket.
    pub(super) async fn open(address: &str) -> Result<Self> {
        let passed_sockets = passed_sockets()?;
        if !passed_sockets.is_empty() {
            return Ok(Self(passed_sockets));
        }
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| anyhow!("can't listen on {address} ({error}); {}", remedy(&error)))?;
        bound_receive_buffers(&listener);
        let address = listener.local_addr()?;
        Ok(Self(vec![BoundSocket::Tcp(listener, address)]))
    }

    /// Where it listens.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let address = |socket: &BoundSocket| match socket {
            BoundSocket::Tcp(_, address) => Address::Tcp(*address),
            BoundSocket::Unix(_, path) => Address::Unix(path.clone()),
        };
        self.0.iter().map(address).collect()
    }

    /// Accepts the next client.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        poll_fn(|cx| {
            for socket in &self.0 {
                let accepted = match socket {
                    BoundSocket::Tcp(listener, _) => listener.poll_accept(cx).map_ok(|(stream, _)| {
                        // Failures only make the connection slower, or take memory.
                        let _ = stream.set_nodelay(true);
                        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
                        Stream::Tcp(stream)
                    }),
                    BoundSocket::Unix(listener, _) => {
                        listener.poll_accept(cx).map_ok(|(stream, _)| Stream::Unix(stream))
                    }
                };
                if accepted.is_ready() {
                    return accepted;
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Bounds what the system holds of a client that sends more than the program reads. Accepted sockets have it from the listening one.
fn bound_receive_buffers(listener: &TcpListener) {
    // A failure only takes memory.
    let _ = SockRef::from(listener).set_recv_buffer_size(RECEIVE_BUFFER);
}

/// What to do where an address can't be listened on.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program uses the port; --listen or app_config.port takes another",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are root's; take another, or give the program CAP_NET_BIND_SERVICE (AmbientCapabilities of systemd)"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; 0.0.0.0 and [::] mean all that it has"
        }
        _ => "is the host a name or an address of this machine?",
    }
}

/// The sockets that the service manager passed, if any.
fn passed_sockets() -> Result<Vec<BoundSocket>> {
    let mut sockets = ListenFd::from_env();
    let mut bound = Vec::new();
    for index in 0..sockets.len() {
        let named = || format!("the socket number {index} of LISTEN_FDS is no listening stream socket");
        // The kind of the socket is unknown, so this tries both.
        let socket = match sockets.take_tcp_listener(index) {
            Ok(Some(socket)) => {
                socket.set_nonblocking(true)?;
                let socket = TcpListener::from_std(socket).with_context(named)?;
                bound_receive_buffers(&socket);
                let address = socket.local_addr().with_context(named)?;
                BoundSocket::Tcp(socket, address)
            }
            _ => {
                let socket = sockets.take_unix_listener(index).with_context(named)?.with_context(named)?;
                socket.set_nonblocking(true)?;
                let path = socket.local_addr()?.as_pathname().map(PathBuf::from).unwrap_or_default();
                BoundSocket::Unix(UnixListener::from_std(socket).with_context(named)?, path)
            }
        };
        bound.push(socket);
    }
    Ok(bound)
}
