//! The server: clients in, answers out, a new configuration on SIGHUP, and a quiet end on SIGTERM and SIGINT.
//!
//! - [`Application`]: what answers requests;
//! - `listener`: the sockets that clients connect to;
//! - `connection_set`: all open connections, and which of them end;
//! - `connection`: HTTP over one of them;
//! - `socket`, `body`: what passes through it, counted;
//! - `connection_state`, `stall_timeout`: how long a client may keep the server waiting;
//! - `lifecycle`: signals; `systemd`: the service manager.

mod application;
mod body;
mod connection;
mod connection_set;
mod connection_state;
mod lifecycle;
mod listener;
mod socket;
mod stall_timeout;
mod systemd;

pub use application::Application;

use crate::address::Address;
use anyhow::Result;
use connection_set::ConnectionSet;
use connection_state::StallLimits;
use lifecycle::EndSignals;
use listener::Listener;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::watch;

/// Longest wait for connections that the server cuts off.
const CUT_OFF_TIMEOUT: Duration = Duration::from_secs(1);

/// Listening sockets, and the signals that end their service.
pub struct Server {
    listener: Listener,
    ends: EndSignals,
    hang_ups: Signal,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Every request was answered.
    Graceful,
    /// Requests were cut off.
    Forced,
}

impl Server {
    /// Takes the sockets that the service manager passed (`LISTEN_FDS`), else opens one. From now on SIGTERM, SIGINT and SIGHUP
    /// don't end the program by themselves.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken, or a passed socket is no listening socket.
    pub async fn listen(address: &str) -> Result<Self> {
        let listener = Listener::open(address).await?;
        Ok(Self { listener, ends: EndSignals::take()?, hang_ups: lifecycle::hang_ups()? })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<Address> {
        self.listener.addresses()
    }

    /// Serves until SIGTERM or SIGINT, then lets requests under way end within `app_config.shutdown_timeout`; a second signal
    /// cuts them off. On SIGHUP, `reload` makes what answers from then on; requests under way are answered as they began, and
    /// when it fails, all stays as it is.
    pub async fn serve<A: Application>(
        self,
        app: A,
        reload: impl Fn() -> Result<A> + Send + Sync + 'static,
    ) -> Shutdown {
        let Self { listener, mut ends, hang_ups } = self;
        lifecycle::warn(app.access(), &listener.addresses());
        lifecycle::allow_files(app.limits().max_connections);
        app.activate();
        let (sender, mut current) = watch::channel(Arc::new(app));
        let helpers = [
            tokio::spawn(lifecycle::reload_on(hang_ups, listener.addresses(), sender, Arc::new(reload))),
            tokio::spawn(lifecycle::refresh_files(current.clone())),
            tokio::spawn(systemd::watchdog()),
        ];
        systemd::ready();
        let mut connections = ConnectionSet::new();
        let signal = loop {
            let limits = current.borrow_and_update().limits().clone();
            tokio::select! {
                signal = ends.next() => break signal,
                // More may be open, or fewer.
                _ = current.changed() => {}
                () = connections.one_ends() => {}
                // Further clients wait in the system's queue.
                accepted = listener.accept(), if connections.len() < limits.max_connections => match accepted {
                    Ok(stream) => {
                        let limits = StallLimits { idle: limits.header_timeout, piece: limits.client_timeout };
                        connections.add(limits, |state| connection::serve(stream, state, current.clone()));
                    }
                    Err(error) => {
                        // Out of file descriptors, say; it passes.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        };
        systemd::stopping();
        drop(listener);
        let shutdown_timeout = current.borrow().shutdown_timeout();
        tracing::info!("{signal}: no more connections are accepted, and requests under way are answered");
        let end = drained(&mut connections, shutdown_timeout, &mut ends).await;
        for helper in helpers {
            helper.abort();
        }
        end
    }
}

/// Lets all connections end.
async fn drained(connections: &mut ConnectionSet, within: Duration, ends: &mut EndSignals) -> Shutdown {
    connections.close();
    let ended = async {
        while connections.len() > 0 {
            connections.one_ends().await;
        }
    };
    let reason = tokio::select! {
        () = ended => return Shutdown::Graceful,
        () = tokio::time::sleep(within) => format!("after {} s", within.as_secs_f64()),
        signal = ends.next() => format!("by {signal}"),
    };
    tracing::warn!("requests that were still under way were cut off {reason}");
    let _ = tokio::time::timeout(CUT_OFF_TIMEOUT, connections.cut_off()).await;
    Shutdown::Forced
}
