//! Events from outside: signals to end or to reload the configuration, and changed files.

use super::application::Application;
use super::load::RESERVE;
use super::systemd;
use crate::access::Access;
use crate::address::Address;
use anyhow::Result;
use image_service_telemetry::metrics;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often the server looks at files. A change takes effect at the second look.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// Files that the program has open besides `limits_config.max_connections`: connections of the reserve, logs, sockets of sources,
/// its own files.
const OTHER_FILES: u64 = 128 + RESERVE as u64;

/// SIGTERM and SIGINT, which ask the program to end.
pub(super) struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Takes over the signals, which from now on don't end the program by themselves.
    pub(super) fn take() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Takes over SIGHUP, which from now on doesn't end the program by itself.
pub(super) fn reload_signal() -> Result<Signal> {
    Ok(signal(SignalKind::hangup())?)
}

/// Replaces the application at each SIGHUP. Signals that arrive during a reload are one more reload.
pub(super) async fn reload_on<A: Application, R: Fn(&A) -> Result<Option<A>> + Send + Sync + 'static>(
    mut signals: Signal,
    addresses: Vec<Address>,
    current: watch::Sender<Arc<A>>,
    reload: Arc<R>,
) {
    while signals.recv().await.is_some() {
        systemd::reloading();
        let (reload, present) = (Arc::clone(&reload), Arc::clone(&current.borrow()));
        // Compiling an operator's composition takes about a second of a processor.
        let outcome = tokio::task::spawn_blocking(move || reload(&present)).await;
        metrics::reloaded(matches!(outcome, Ok(Ok(_))));
        match outcome {
            Ok(Ok(None)) => tracing::info!("SIGHUP: the program has read the configuration again, and nothing changed"),
            Ok(Ok(Some(app))) => {
                app.activate();
                warn(app.access(), &addresses);
                current.send_replace(Arc::new(app));
                tracing::info!("SIGHUP: the program has read the configuration again and uses it from now on");
            }
            Ok(Err(error)) => tracing::error!("SIGHUP: nothing was changed, as this failed: {error:#}"),
            Err(error) => tracing::error!("SIGHUP: nothing was changed, as the reload panicked: {error}"),
        }
        systemd::ready();
    }
}

/// Warns of dangers of the access configuration.
pub(super) fn warn(access: &Access, addresses: &[Address]) {
    for sentence in access.dangers(addresses).into_iter().chain(access.weaknesses()) {
        tracing::warn!("{sentence}");
    }
}

/// Reads certificates and tokens again when they change.
pub(super) async fn refresh_files<A: Application>(current: watch::Receiver<Arc<A>>) {
    let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let app = Arc::clone(&current.borrow());
        if app.access().has_files() {
            // The files may be on a slow network file system.
            let _ = tokio::task::spawn_blocking(move || app.access().refresh()).await;
        }
    }
}

/// Raises the limit of open files to the hard limit: shells allow 1,024 by default.
pub(super) fn allow_files(max_connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let outcome = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if outcome.is_ok() { limit.maximum } else { limit.current };
    if let Some(allowed) = allowed
        && allowed < (max_connections as u64).saturating_add(OTHER_FILES)
    {
        tracing::warn!(
            "only {allowed} files may be open at a time, too few for limits_config.max_connections, which is \
             {max_connections}; raise `ulimit -n` (LimitNOFILE under systemd) or lower that key"
        );
    }
}
