//! How long a client may keep others waiting: what has moved is counted where it moves, without a clock or a timer, and
//! looked at from time to time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes that a client has to take or give in the time it is allowed. Less than what the system frees of a socket's buffer
/// at a time (a third of it), so that nobody is taken for slow who isn't.
const PIECE: u64 = 64 * 1024;

/// Bytes that move to or from a client, and whether more could if the client did its part. One side writes it at a time.
#[derive(Debug, Default)]
pub(super) struct Meter {
    moved: AtomicU64,
    waits: AtomicBool,
}

impl Meter {
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

/// How long a client has been waited for, as looks at its meter tell.
#[derive(Debug, Default)]
pub(super) struct Patience {
    moved: u64,
    waited: Duration,
}

impl Patience {
    /// Looks at the meter once more, `passed` after the last look; whether the client took longer than `limit` over a
    /// piece. Only the time counts in which it was waited for the client.
    pub(super) fn is_over(&mut self, meter: &Meter, passed: Duration, limit: Duration) -> bool {
        let moved = meter.moved.load(Ordering::Relaxed);
        if moved.wrapping_sub(self.moved) >= PIECE {
            *self = Self { moved, waited: Duration::ZERO };
        }
        if meter.is_waiting() {
            self.waited += passed;
        }
        self.waited > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// For how many looks, a second each, patience lasts when `between` happens before each; 100 for ever.
    fn looks(between: impl Fn(&Meter)) -> usize {
        let (meter, mut patience) = (Meter::default(), Patience::default());
        (0..100)
            .take_while(|_| {
                between(&meter);
                !patience.is_over(&meter, SECOND, 3 * SECOND)
            })
            .count()
    }

    #[test]
    fn a_client_that_takes_nothing_is_given_up() {
        assert_eq!(looks(|meter| meter.waits(true)), 3);
    }

    #[test]
    fn a_client_that_takes_a_byte_now_and_then_is_given_up_as_well() {
        let trickle = |meter: &Meter| {
            meter.moves(1);
            meter.waits(true);
        };
        assert_eq!(looks(trickle), 3);
    }

    #[test]
    fn a_client_that_takes_a_piece_in_time_may_go_on() {
        let slow = |meter: &Meter| {
            meter.moves(PIECE as usize / 2);
            meter.waits(true);
        };
        assert_eq!(looks(slow), 100);
    }

    #[test]
    fn a_client_that_nobody_waits_for_is_never_given_up() {
        assert_eq!(looks(|meter| meter.waits(false)), 100);
    }
}
