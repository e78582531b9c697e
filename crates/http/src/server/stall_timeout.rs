//! How long a client may stall. Sockets and bodies count the bytes that move, without a clock or a timer; the server reads
//! the counts from time to time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes that a client must take or send within the time limit. The system frees a third of a socket's buffer at a time; this
/// is less, so that no client looks slow that is not.
const MIN_PROGRESS: u64 = 64 * 1024;

/// Bytes that moved to or from a client, and whether the server waits for the client. One side writes it at a time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    moved: AtomicU64,
    waits: AtomicBool,
}

impl Progress {
    /// These bytes moved, and the server does not wait for the client.
    pub(super) fn moves(&self, bytes: usize) {
        let moved = self.moved.load(Ordering::Relaxed);
        self.moved.store(moved.wrapping_add(bytes as u64), Ordering::Relaxed);
        self.waits.store(false, Ordering::Relaxed);
    }

    /// The server waits for the client from now on, or no longer.
    pub(super) fn waits(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// Whether the server waits for the client.
    pub(super) fn is_waiting(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }
}

/// How long the server has waited for a client, by repeated looks at its progress.
#[derive(Debug, Default)]
pub(super) struct StallTimer {
    moved: u64,
    waited: Duration,
}

impl StallTimer {
    /// Looks at the progress, `passed` after the last look. Whether the client took longer than `limit` over the least progress;
    /// only time in which the server waited for the client counts.
    pub(super) fn is_over(&mut self, progress: &Progress, passed: Duration, limit: Duration) -> bool {
        let moved = progress.moved.load(Ordering::Relaxed);
        if moved.wrapping_sub(self.moved) >= MIN_PROGRESS {
            *self = Self { moved, waited: Duration::ZERO };
        }
        if progress.is_waiting() {
            self.waited += passed;
        }
        self.waited > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// For how many looks, a second each, timer lasts when `between` happens before each; 100 for ever.
    fn looks(between: impl Fn(&Progress)) -> usize {
        let (progress, mut timer) = (Progress::default(), StallTimer::default());
        (0..100)
            .take_while(|_| {
                between(&progress);
                !timer.is_over(&progress, SECOND, 3 * SECOND)
            })
            .count()
    }

    #[test]
    fn a_client_that_takes_nothing_is_given_up() {
        assert_eq!(looks(|progress| progress.waits(true)), 3);
    }

    #[test]
    fn a_client_that_takes_a_byte_now_and_then_is_given_up_as_well() {
        let trickle = |progress: &Progress| {
            progress.moves(1);
            progress.waits(true);
        };
        assert_eq!(looks(trickle), 3);
    }

    #[test]
    fn a_client_that_takes_a_piece_in_time_may_go_on() {
        let slow = |progress: &Progress| {
            progress.moves(MIN_PROGRESS as usize / 2);
            progress.waits(true);
        };
        assert_eq!(looks(slow), 100);
    }

    #[test]
    fn a_client_that_nobody_waits_for_is_never_given_up() {
        assert_eq!(looks(|progress| progress.waits(false)), 100);
    }
}
