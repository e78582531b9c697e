//! The listener: HTTP in, answers out, a new configuration on SIGHUP, and a quiet end on SIGTERM and SIGINT.

use crate::app::App;
use crate::notify;
use anyhow::{Context, Result};
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
use tokio::sync::watch;

/// How long requests under way may take to end.
const DRAIN: Duration = Duration::from_secs(30);
/// How long a client may take over its request's headers.
const HEADERS: Duration = Duration::from_secs(30);

/// A listening socket, and the signals that end its service.
pub struct Server {
    listener: TcpListener,
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Server {
    /// Opens the listening socket. From now on SIGTERM, SIGINT and SIGHUP don't end the program by themselves.
    ///
    /// # Errors
    ///
    /// When the address can't be resolved or is taken.
    pub async fn listen(address: &str) -> Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("can't listen on {address}; does something else use the port? --listen takes another")
        })?;
        Ok(Self {
            listener,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// When the system can't say it.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until SIGTERM or SIGINT, then lets requests under way end. On SIGHUP, `reload` makes what answers from then
    /// on; requests under way are answered as they began, and when it fails, all stays as it is.
    pub async fn serve(self, app: App, reload: impl Fn() -> Result<App> + Send + Sync + 'static) {
        let Self { listener, mut terminate, mut interrupt, hang_up } = self;
        let (sender, current) = watch::channel(Arc::new(app));
        let helpers = [tokio::spawn(reload_on(hang_up, sender, Arc::new(reload))), tokio::spawn(notify::watchdog())];
        notify::ready();
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
            let current = current.clone();
            let answer = service_fn(move |request| {
                let app = Arc::clone(&current.borrow());
                async move { Ok::<_, Infallible>(app.answer(request).await) }
            });
            let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!("a connection ended: {error}");
                }
            });
        }
        notify::stopping();
        drop(listener);
        if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
            tracing::warn!("requests still under way after {} s were cut off", DRAIN.as_secs());
        }
        for helper in helpers {
            helper.abort();
        }
    }
}

/// Replaces what answers at each SIGHUP.
async fn reload_on<R: Fn() -> Result<App> + Send + Sync + 'static>(
    mut hang_up: Signal,
    current: watch::Sender<Arc<App>>,
    reload: Arc<R>,
) {
    while hang_up.recv().await.is_some() {
        notify::reloading();
        let reload = Arc::clone(&reload);
        // A composition of the operator's own is compiled, which takes about a second of a processor.
        match tokio::task::spawn_blocking(move || reload()).await {
            Ok(Ok(app)) => {
                current.send_replace(Arc::new(app));
                tracing::info!("SIGHUP: the configuration was read again and counts from now on");
            }
            Ok(Err(error)) => tracing::error!("SIGHUP: nothing was changed, as this failed: {error:#}"),
            Err(error) => tracing::error!("SIGHUP: nothing was changed, as reading it again broke off: {error}"),
        }
        notify::ready();
    }
}
