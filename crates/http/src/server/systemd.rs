//! What the service manager is told, where there is one (`Type=notify` of systemd; sd_notify(3)).

use sd_notify::NotifyState;

/// It serves.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its configuration again, until it says that it is ready.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It ends once requests under way have ended.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Keeps telling that it lives, where the service manager wants to know: twice in each interval that it allows. Runs on
/// the same threads as requests do, so that it falls silent when they hang.
pub(super) async fn watchdog() {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(interval / 2);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("the service manager can't be told {states:?}: {error}");
    }
}
