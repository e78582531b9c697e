//! The server: accepts clients, answers them, reloads the configuration on SIGHUP, and ends on SIGTERM and SIGINT.
//!
//! - [`Application`]: the trait of the application that answers requests;
//! - `listener`: the sockets that clients connect to;
//! - `connection_set`: all open connections, and their time limits; `room`: which idle ones give way to new ones;
//!   `shedding`: which ones end when memory is short;
//! - `load`: how many have requests under way, and how many may;
//! - `connection`: HTTP over one of them;
//! - [`exchange`]: one request and its answer: access, log line, and 500 in place of a panic; `host_header`: whether it has one host;
//! - `socket`, `body`: its bytes, which they count;
//! - `connection_state`, `stall_timeout`: how long the server waits for a client;
//! - `lifecycle`: signals; `systemd`: the service manager.

mod application;
mod body;
mod connection;
mod connection_set;
mod connection_state;
mod exchange;
mod host_header;
mod lifecycle;
mod listener;
mod load;
mod room;
mod shedding;
mod socket;
mod stall_timeout;
mod systemd;

pub use application::Application;
pub use exchange::exchange;

use crate::address::Address;
use crate::client::Client;
use anyhow::Result;
use connection_set::ConnectionSet;
use connection_state::StallLimits;
use lifecycle::EndSignals;
use listener::Listener;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

/// Longest wait for the end of connections that the server has aborted.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the server looks whether memory is still short; it accepts one client meanwhile, who may be a probe.
const SHORTAGE_INTERVAL: Duration = Duration::from_millis(10);

/// Listening sockets, and the signals that end or reload the server.
pub struct Server {
    listener: Listener,
    end_signals: EndSignals,
    reload_signal: Signal,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Every request was answered.
    Graceful,
    /// The server cut off requests.
    Forced,
}

impl Server {
    /// Takes the sockets that the service manager passed (`LISTEN_FDS`), else opens one. From now on SIGTERM, SIGINT and
    /// SIGHUP don't end the program by themselves.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken, or a passed socket is no listening socket.
    pub async fn listen(address: &str) -> Result<Self> {
        let listener = Listener::open(address).await?;
        Ok(Self { listener, end_signals: EndSignals::take()?, reload_signal: lifecycle::reload_signal()? })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<Address> {
        self.listener.addresses()
    }

    /// Serves until SIGTERM or SIGINT, then lets requests under way end within `app_config.shutdown_timeout`; a second
    /// signal cuts them off. On SIGHUP, `reload` makes a new application in place of the present one for all later requests, or
    /// finds that nothing changed; the old one finishes the requests under way. When `reload` fails, the old application stays.
    pub async fn serve<A: Application>(
        self,
        app: A,
        reload: impl Fn(&A) -> Result<Option<A>> + Send + Sync + 'static,
    ) -> Shutdown {
        let Self { listener, mut end_signals, reload_signal } = self;
        lifecycle::warn(app.access(), &listener.addresses());
        lifecycle::allow_files(app.limits().max_connections);
        app.activate();
        let (sender, mut current) = watch::channel(Arc::new(app));
        let helpers = [
            tokio::spawn(lifecycle::reload_on(reload_signal, listener.addresses(), sender, Arc::new(reload))),
            tokio::spawn(lifecycle::refresh_files(current.clone())),
            tokio::spawn(systemd::watchdog()),
        ];
        systemd::ready();
        let mut connections = ConnectionSet::new();
        let mut accepted_last = Instant::now();
        let signal = loop {
            let limits = current.borrow_and_update().limits().clone();
            connections.allow(limits.max_connections);
            let is_short = shedding::bytes_to_free() > 0;
            let may_accept = connections.has_room() && (!is_short || accepted_last.elapsed() >= SHORTAGE_INTERVAL);
            tokio::select! {
                signal = end_signals.next() => break signal,
                // The new limits may allow more connections, or fewer.
                _ = current.changed() => {}
                () = connections.next_end() => {}
                () = tokio::time::sleep(SHORTAGE_INTERVAL), if is_short => {}
                // Beyond it, and for a moment while memory is short, further clients wait in the queue of the operating system.
                accepted = listener.accept(), if may_accept => match accepted {
                    Ok(stream) => {
                        accepted_last = Instant::now();
                        let client = Client::of(stream.peer_address());
                        let limits = StallLimits { idle: limits.header_timeout, piece: limits.client_timeout };
                        let open = connections.len();
                        connections.add(client, limits, |state| connection::serve(stream, state, current.clone(), open));
                    }
                    Err(error) => {
                        // Often too few file descriptors, which passes.
                        tracing::warn!(%error, "the server could not accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        };
        systemd::stopping();
        drop(listener);
        let shutdown_timeout = current.borrow().shutdown_timeout();
        tracing::info!("{signal}: no more connections are accepted, and requests under way are answered");
        let end = drain(&mut connections, shutdown_timeout, &mut end_signals).await;
        for helper in helpers {
            helper.abort();
        }
        end
    }
}

/// Waits until all connections have ended; aborts them after the time limit, or at a second signal.
async fn drain(connections: &mut ConnectionSet, within: Duration, end_signals: &mut EndSignals) -> Shutdown {
    connections.close();
    let ended = async {
        while connections.len() > 0 {
            connections.next_end().await;
        }
    };
    let reason = tokio::select! {
        () = ended => return Shutdown::Graceful,
        () = tokio::time::sleep(within) => format!("after {} s", within.as_secs_f64()),
        signal = end_signals.next() => format!("by {signal}"),
    };
    tracing::warn!("requests that were still under way were cut off {reason}");
    let _ = tokio::time::timeout(ABORT_TIMEOUT, connections.abort_all()).await;
    Shutdown::Forced
}
