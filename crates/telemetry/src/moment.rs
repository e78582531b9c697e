//! Moments on a clock that only goes forward.
//!
//! It is CLOCK_BOOTTIME, which goes on while the machine sleeps. An `Instant` does not: rows from before a night with the lid closed
//! would be seconds old. The machine's date does, but people and programs set it back. Limits of time are for `Instant`: no request
//! is too slow because the machine slept.

use rustix::time::{ClockId, clock_gettime};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// A moment since this machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self(Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default())
    }

    /// How long ago it was.
    pub fn age(self) -> Duration {
        Self::now().since(self)
    }

    /// The time from an earlier moment to this one; none where that is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment that is so much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// The time from the start of this machine to this moment.
    pub fn since_boot(self) -> Duration {
        self.0
    }
}

/// The date by this clock: that of the machine when the program first asked, and the time since. Nobody sets it back.
pub fn date() -> SystemTime {
    static FIRST: LazyLock<(SystemTime, Moment)> = LazyLock::new(|| (SystemTime::now(), Moment::now()));
    let (date, moment) = *FIRST;
    date.checked_add(moment.age()).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_and_never_goes_back() {
        let first = Moment::now();
        std::thread::sleep(Duration::from_millis(2));
        let second = Moment::now();
        assert!(
            first < second && first.age() >= second.since(first) && second.since(first) >= Duration::from_millis(2)
        );
        assert_eq!((first.since(second), first.after(second.since(first))), (Duration::ZERO, second));
    }
}
