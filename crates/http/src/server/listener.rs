//! The sockets that clients connect to: an address to listen on, or sockets that the service manager passed
//! (`LISTEN_FDS`, sd_listen_fds(3)).

use super::socket::Stream;
use crate::address::Address;
use anyhow::{Context, Result};
use listenfd::ListenFd;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::Poll;
use tokio::net::{TcpListener, UnixListener};

/// The sockets that clients connect to, one or more.
pub(super) struct Listener(Vec<Door>);

enum Door {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Takes the sockets that were handed over, else opens one on the address.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken, or a passed socket is no listening stream socket.
    pub(super) async fn open(address: &str) -> Result<Self> {
        let handed_over = handed_over()?;
        if !handed_over.is_empty() {
            return Ok(Self(handed_over));
        }
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("can't listen on {address}; does something else use the port? --listen takes another")
        })?;
        let address = listener.local_addr()?;
        Ok(Self(vec![Door::Tcp(listener, address)]))
    }

    /// Where it listens.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let address = |door: &Door| match door {
            Door::Tcp(_, address) => Address::Tcp(*address),
            Door::Unix(_, path) => Address::Unix(path.clone()),
        };
        self.0.iter().map(address).collect()
    }

    /// The next client.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        poll_fn(|cx| {
            for door in &self.0 {
                let accepted = match door {
                    Door::Tcp(listener, _) => listener.poll_accept(cx).map_ok(|(stream, _)| {
                        // Only slower without.
                        let _ = stream.set_nodelay(true);
                        Stream::Tcp(stream)
                    }),
                    Door::Unix(listener, _) => listener.poll_accept(cx).map_ok(|(stream, _)| Stream::Unix(stream)),
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

/// The sockets that the service manager passed, if any.
fn handed_over() -> Result<Vec<Door>> {
    let mut sockets = ListenFd::from_env();
    let mut doors = Vec::new();
    for index in 0..sockets.len() {
        let named = || format!("the socket number {index} of LISTEN_FDS is no listening stream socket");
        // Which kind it is shows by trying.
        let door = match sockets.take_tcp_listener(index) {
            Ok(Some(socket)) => {
                socket.set_nonblocking(true)?;
                let socket = TcpListener::from_std(socket).with_context(named)?;
                let address = socket.local_addr().with_context(named)?;
                Door::Tcp(socket, address)
            }
            _ => {
                let socket = sockets.take_unix_listener(index).with_context(named)?.with_context(named)?;
                socket.set_nonblocking(true)?;
                let path = socket.local_addr()?.as_pathname().map(PathBuf::from).unwrap_or_default();
                Door::Unix(UnixListener::from_std(socket).with_context(named)?, path)
            }
        };
        doors.push(door);
    }
    Ok(doors)
}
