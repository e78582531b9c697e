//! How long a client may keep others waiting: what has moved is counted where it moves, without a clock or a timer, and
//! looked at from time to time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes that a client has to take or give in the time it is allowed. Less than what the system frees of a socket's buffer
/// at a time (a third of it), so that nobody is taken for slow who isn't.
const PIECE: u64 = 64 * 1024;

/// Bytes that move to or from a client, and whether more could if the client did its part. One side writes it at a time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    moved: AtomicU64,
    waits: AtomicBool,
}

impl Progress {
    /// So many bytes moved, and nobody waits for the client.
    pub(super) fn moves(&self, bytes: usize) {
        let moved = self.moved.load(Ordering::Relaxed);
        self.moved.store(moved.wrapping_add(bytes as u64), Ordering::Relaxed);
        self.waits.store(false, Ordering::Relaxed);
    }

    /// From now on it is waited for the client, or no longer.
    pub(super) fn waits(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// Whether it is waited for the client.
    pub(super) fn is_waiting(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }
}

/// How long a client has been waited for, as looks at its progress tell.
#[derive(Debug, Default)]
pub(super) struct StallTimer {
    moved: u64,
    waited: Duration,
}

impl StallTimer {
    /// Looks at the progress once more, `passed` after the last look; whether the client took longer than `limit` over a
    /// piece. Only the time counts in which it was waited for the client.
    pub(super) fn is_over(&mut self, progress: &Progress, passed: Duration, limit: Duration) -> bool {
        let moved = progress.moved.load(Ordering::Relaxed);
        if moved.wrapping_sub(self.moved) >= PIECE {
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
            progress.moves(PIECE as usize / 2);
            progress.waits(true);
        };
        assert_eq!(looks(slow), 100);
    }

    #[test]
    fn a_client_that_nobody_waits_for_is_never_given_up() {
        assert_eq!(looks(|progress| progress.waits(false)), 100);
    }
}
