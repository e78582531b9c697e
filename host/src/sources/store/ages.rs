//! How old the `meta` of each name on disk is. A clock that only goes forward counts while the program runs. For the time in which it
//! did not run, that clock and the machine's date have to agree: a date that was set, or another start of the machine, says nothing
//! about an age.

use image_service_telemetry::moment::Moment;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Most names whose moments are remembered. A store has fewer at a time.
const MAX_MOMENTS: usize = 1024;
/// How far both clocks may be apart: the date is corrected by some seconds now and then.
const TOLERANCE: u64 = 5;

/// When a commit was made, by both clocks.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Made {
    /// Seconds since 1970.
    date: u64,
    /// Seconds since the start of the machine.
    up: u64,
}

impl Made {
    pub(super) fn now() -> Self {
        let date = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        Self { date, up: Moment::now().since_boot().as_secs() }
    }

    /// The time from an earlier moment; `None` where the clocks do not agree on it.
    fn since(self, earlier: Self) -> Option<Duration> {
        let by_date = self.date.checked_sub(earlier.date)?;
        let running = self.up.checked_sub(earlier.up)?;
        (by_date.abs_diff(running) <= TOLERANCE).then(|| Duration::from_secs(by_date.max(running)))
    }
}

/// When this program first saw the commit that set `meta`, by the digest of the name.
#[derive(Debug, Default)]
pub(super) struct Ages(Mutex<HashMap<[u8; 16], Seen>>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    revision: u64,
    at: Moment,
    /// The commit's age at this moment; `None` where nobody knows it.
    age: Option<Duration>,
}

impl Ages {
    /// This program makes the commit now.
    pub(super) fn begin(&self, name: &[u8; 16], revision: u64) {
        self.remember(name, Seen { revision, at: Moment::now(), age: Some(Duration::ZERO) });
    }

    /// The age in seconds of a commit; the largest number, where nobody knows it.
    ///
    /// The date counts once: when this program first asks for the age.
    pub(super) fn age(&self, name: &[u8; 16], revision: u64, made: Made, now: Made) -> u64 {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        let seen = known
            .filter(|seen| seen.revision == revision)
            .unwrap_or_else(|| self.remember(name, Seen { revision, at: Moment::now(), age: now.since(made) }));
        seen.age.map_or(u64::MAX, |age| age.saturating_add(seen.at.age()).as_secs())
    }

    fn remember(&self, name: &[u8; 16], seen: Seen) -> Seen {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_MOMENTS {
            // Names of earlier configurations: the dates count again.
            all.clear();
        }
        all.insert(*name, seen);
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: [u8; 16] = [7; 16];

    fn at(date: u64, up: u64) -> Made {
        Made { date, up }
    }

    #[test]
    fn the_date_counts_only_for_the_time_before_this_program_ran() {
        let ages = Ages::default();
        let made = at(1000, 500);
        assert_eq!(ages.age(&NAME, 1, made, at(1060, 560)), 60);
        for now in [at(90_000, 560), at(5, 560)] {
            assert_eq!(ages.age(&NAME, 1, made, now), 60, "the date was set, and no second went by: {now:?}");
        }
        ages.begin(&NAME, 2);
        assert_eq!(ages.age(&NAME, 2, made, at(90_000, 560)), 0);
    }

    #[test]
    fn a_commit_is_as_old_as_can_be_where_the_clocks_do_not_agree_on_its_age() {
        let (made, since) = (at(1000, 500), |now: Made| now.since(at(1000, 500)).map(|age| age.as_secs()));
        for (now, what) in [
            (at(999, 501), "the date was set back"),
            (at(400, 560), "the date was set back a lot"),
            (at(1066, 560), "the date was set forward, or the machine was started again at once"),
            (at(1060, 20), "the machine was started again"),
            (at(9000, 8000), "it was, and has run for longer since"),
        ] {
            assert_eq!(since(now), None, "{what}");
            let ages = Ages::default();
            assert_eq!(ages.age(&NAME, 1, made, now), u64::MAX, "{what}");
            assert_eq!(
                ages.age(&NAME, 1, made, at(1060, 560)),
                u64::MAX,
                "and stays so, as nobody knows how old it is"
            );
        }
        assert_eq!((since(at(1064, 560)), since(at(1056, 560)), since(made)), (Some(64), Some(60), Some(0)));
    }
}
