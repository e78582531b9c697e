//! The server: clients in, answers out, a new configuration on SIGHUP, and a quiet end on SIGTERM and SIGINT.
//!
//! - `listener`: where clients come in;
//! - `connections`: all that are open, and who of them is given up;
//! - `connection`: HTTP over one of them;
//! - `socket`, `body`: what passes through it, counted;
//! - `watch`, `patience`: how long a client may keep the server waiting;
//! - `lifecycle`: signals.

mod body;
mod connection;
mod connections;
mod lifecycle;
mod listener;
mod patience;
mod socket;
mod watch;

pub use listener::Address;

use crate::app::App;
use crate::notify;
use anyhow::Result;
use connections::Connections;
use lifecycle::EndSignals;
use listener::Listener;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::watch as channel;
use watch::Allowed;

/// How long connections may take to be dropped.
const CUT_OFF: Duration = Duration::from_secs(1);

/// Listening sockets, and the signals that end their service.
pub struct Server {
    listener: Listener,
    ends: EndSignals,
    hang_ups: Signal,
}

/// How a server's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every request was answered.
    Quiet,
    /// Requests were cut off.
    CutOff,
}

impl Server {
    /// Takes the sockets that whoever started the program handed over (`LISTEN_FDS`), else opens one. From now on SIGTERM,
    /// SIGINT and SIGHUP don't end the program by themselves.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken, or what was handed over is no listening socket.
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
    pub async fn serve(self, app: App, reload: impl Fn() -> Result<App> + Send + Sync + 'static) -> End {
        let Self { listener, mut ends, hang_ups } = self;
        lifecycle::warn(&app, &listener.addresses());
        lifecycle::allow_files(app.limits().max_connections);
        app.begin();
        let (sender, mut current) = channel::channel(Arc::new(app));
        let helpers = [
            tokio::spawn(lifecycle::reload_on(hang_ups, listener.addresses(), sender, Arc::new(reload))),
            tokio::spawn(lifecycle::look_after_files(current.clone())),
            tokio::spawn(notify::watchdog()),
        ];
        notify::ready();
        let mut connections = Connections::new();
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
                        let allowed = Allowed { idle: limits.header_timeout, piece: limits.client_timeout };
                        connections.add(allowed, |watch| connection::serve(stream, watch, current.clone()));
                    }
                    Err(error) => {
                        // Out of file descriptors, say; it passes.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        };
        notify::stopping();
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
async fn drained(connections: &mut Connections, within: Duration, ends: &mut EndSignals) -> End {
    connections.close();
    let ended = async {
        while connections.len() > 0 {
            connections.one_ends().await;
        }
    };
    let reason = tokio::select! {
        () = ended => return End::Quiet,
        () = tokio::time::sleep(within) => format!("after {} s", within.as_secs_f64()),
        signal = ends.next() => format!("by {signal}"),
    };
    tracing::warn!("requests that were still under way were cut off {reason}");
    let _ = tokio::time::timeout(CUT_OFF, connections.cut_off()).await;
    End::CutOff
}
