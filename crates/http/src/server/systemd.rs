//! Notifications to the service manager, where there is one (`Type=notify` of systemd; sd_notify(3)).

use image_service_config::duration::LONGEST;
use sd_notify::NotifyState;

/// The program serves requests.
pub(super) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The program reads its configuration again, until the next [`ready`].
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

/// The program ends after the requests under way.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Sends a sign of life twice in each interval of `WatchdogSec`, where it is set. Runs on the threads that answer
/// requests, so that the signs stop when those threads hang.
pub(super) async fn watchdog() {
    let half = sd_notify::watchdog_enabled().and_then(|interval| interval.min(LONGEST).checked_div(2));
    // An interval of 0 is none.
    let Some(half) = half.filter(|half| !half.is_zero()) else { return };
    let mut ticks = tokio::time::interval(half);
    loop {
        ticks.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("the program could not notify the service manager of {states:?}: {error}");
    }
}
