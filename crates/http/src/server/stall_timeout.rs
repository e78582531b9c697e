//! How long a client may stall. Sockets and bodies count the bytes that move, without a clock or a timer; the server reads
//! the counts from time to time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes that a client must take or send within the time limit. The system frees a third of a socket's buffer at a time; this
/// is less, so that no fast client looks slow.
const MIN_PROGRESS: u64 = 64 * 1024;

/// Bytes that moved to or from a client, and whether the server waits for the client. It has one writer at a time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    moved: AtomicU64,
    is_waiting: AtomicBool,
}

impl Progress {
    /// Records that bytes moved, and that the server does not wait for the client.
    pub(super) fn record(&self, bytes: usize) {
        let moved = self.moved.load(Ordering::Relaxed);
        self.moved.store(moved.wrapping_add(bytes as u64), Ordering::Relaxed);
        self.is_waiting.store(false, Ordering::Relaxed);
    }

    /// Sets whether the server waits for the client.
    pub(super) fn set_waiting(&self, waiting: bool) {
        self.is_waiting.store(waiting, Ordering::Relaxed);
    }

    /// Whether the server waits for the client.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Relaxed)
    }
}

/// Adds up how long the server has waited for a client. The server calls it at each check.
#[derive(Debug, Default)]
pub(super) struct StallTimer {
    moved: u64,
    waited: Duration,
}

impl StallTimer {
    /// Checks the progress, `passed` after the last check. True when the client took longer than `limit` for the least
    /// progress; only time in which the server waits for the client counts.
    pub(super) fn is_over(&mut self, progress: &Progress, passed: Duration, limit: Duration) -> bool {
        let moved = progress.moved.load(Ordering::Relaxed);
        if moved.wrapping_sub(self.moved) >= MIN_PROGRESS {
            *self = Self { moved, waited: Duration::ZERO };
        }
        if progress.is_waiting() {
            self.waited = self.waited.saturating_add(passed);
        }
        self.waited > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The number of checks, one a second, until the timer is over, when `between` runs before each; 100 means never.
    fn checks(between: impl Fn(&Progress)) -> usize {
        let (progress, mut timer) = (Progress::default(), StallTimer::default());
        (0..100)
            .take_while(|_| {
                between(&progress);
                !timer.is_over(&progress, SECOND, Duration::from_secs(3))
            })
            .count()
    }

    #[test]
    fn a_client_that_takes_nothing_times_out() {
        assert_eq!(checks(|progress| progress.set_waiting(true)), 3);
    }

    #[test]
    fn a_client_that_takes_single_bytes_times_out() {
        let trickle = |progress: &Progress| {
            progress.record(1);
            progress.set_waiting(true);
        };
        assert_eq!(checks(trickle), 3);
    }

    #[test]
    fn a_client_that_takes_enough_in_time_does_not_time_out() {
        let slow = |progress: &Progress| {
            progress.record(MIN_PROGRESS as usize / 2);
            progress.set_waiting(true);
        };
        assert_eq!(checks(slow), 100);
    }

    #[test]
    fn a_client_never_times_out_while_the_server_does_not_wait_for_it() {
        assert_eq!(checks(|progress| progress.set_waiting(false)), 100);
    }
}
