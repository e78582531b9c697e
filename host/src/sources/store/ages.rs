//! How old the `meta` of each name on disk is. A monotonic clock counts while the program runs; the machine's date counts for the
//! time in which it did not run.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Most names whose moments are remembered. A store has fewer at a time.
const MAX_MOMENTS: usize = 1024;

/// When this program first saw the commit that set `meta`, by the digest of the name.
#[derive(Debug, Default)]
pub(super) struct Ages(Mutex<HashMap<[u8; 16], Moment>>);

#[derive(Clone, Copy, Debug)]
struct Moment {
    revision: u64,
    seen: Instant,
    /// The commit's age at this moment; `None` where its date is in the future.
    age: Option<Duration>,
}

/// Seconds since 1970 on the machine's clock.
pub(super) fn date() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}

impl Ages {
    /// This program makes the commit now.
    pub(super) fn begin(&self, name: &[u8; 16], revision: u64) {
        self.remember(name, Moment { revision, seen: Instant::now(), age: Some(Duration::ZERO) });
    }

    /// The age in seconds of a commit that was made at the date `made`; the largest number, where that is in the future.
    ///
    /// The dates count once: when this program first asks for the age.
    pub(super) fn age(&self, name: &[u8; 16], revision: u64, made: u64, now: u64) -> u64 {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        let moment = known.filter(|moment| moment.revision == revision).unwrap_or_else(|| {
            let age = now.checked_sub(made).map(Duration::from_secs);
            self.remember(name, Moment { revision, seen: Instant::now(), age })
        });
        moment.age.map_or(u64::MAX, |age| age.saturating_add(moment.seen.elapsed()).as_secs())
    }

    fn remember(&self, name: &[u8; 16], moment: Moment) -> Moment {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if moments.len() >= MAX_MOMENTS {
            // Names of earlier configurations: the dates count again.
            moments.clear();
        }
        moments.insert(*name, moment);
        moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: [u8; 16] = [7; 16];

    #[test]
    fn the_date_counts_only_for_the_time_before_this_program_ran() {
        let ages = Ages::default();
        assert_eq!(ages.age(&NAME, 1, 1000, 1060), 60);
        for now in [90_000, 5] {
            assert_eq!(ages.age(&NAME, 1, 1000, now), 60, "the date was set to {now}, and no second went by");
        }
        ages.begin(&NAME, 2);
        assert_eq!(ages.age(&NAME, 2, 1000, 90_000), 0);
    }

    #[test]
    fn a_commit_from_the_future_is_as_old_as_can_be() {
        let ages = Ages::default();
        assert_eq!(ages.age(&NAME, 1, 1000, 999), u64::MAX);
        assert_eq!(ages.age(&NAME, 1, 1000, 2000), u64::MAX, "and stays so, as nobody knows how old it is");
    }
}
