//! When the log says that the limit changed: when it is lowered for the first time, and when it is at its maximum again.

use super::adaptive_limit::{Cause, Change};
use std::time::{Duration, Instant};

/// The log has one trouble in so much time. A Harbor that can't stand the maximum makes the limit fall and rise for ever.
const INTERVAL: Duration = Duration::from_secs(60);

/// What the log has said.
#[derive(Default)]
pub(super) struct Announcement {
    /// When it last told of a trouble.
    told: Option<Instant>,
    /// Whether there is a trouble.
    trouble: bool,
    /// Whether it told of this one, and owes its end.
    owes_end: bool,
}

impl Announcement {
    /// What the log says of this change at this time.
    pub(super) fn of(&mut self, change: &Change, now: Instant) -> Option<String> {
        let says = match change.cause {
            Cause::GoodAnswers => false,
            Cause::TroubleOver => {
                self.trouble = false;
                std::mem::take(&mut self.owes_end)
            }
            Cause::Failures(_) | Cause::Slower(_) => {
                let is_new = !std::mem::replace(&mut self.trouble, true);
                let says = is_new && self.told.is_none_or(|told| now.duration_since(told) >= INTERVAL);
                if says {
                    (self.told, self.owes_end) = (Some(now), true);
                }
                says
            }
        };
        says.then(|| change.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_begin_and_the_end_of_a_trouble_and_not_each_of_many() {
        let lowered = Change { from: 64, to: 4, cause: Cause::Failures(8) };
        let lowered_more = Change { from: 4, to: 2, cause: Cause::Failures(4) };
        let slower = Change { from: 64, to: 6, cause: Cause::Slower(8) };
        let raised = Change { from: 4, to: 5, cause: Cause::GoodAnswers };
        let over = Change { from: 8, to: 64, cause: Cause::TroubleOver };
        let mut announcement = Announcement::default();
        let begin = Instant::now();
        let mut says = |change: &Change, seconds: u64| announcement.of(change, begin + Duration::from_secs(seconds));

        let first = says(&lowered, 0).unwrap();
        assert!(
            first.contains("with 8 requests at a time (429, 5xx, or no answer in time): the program sends it 4"),
            "{first}"
        );
        assert_eq!(says(&lowered_more, 90), None);
        assert_eq!(says(&raised, 91), None);
        assert!(says(&over, 92).unwrap().contains("well again"));

        assert!(says(&slower, 93).unwrap().contains("slower than usual"));
        assert!(says(&over, 94).is_some());
        assert_eq!(says(&lowered, 100), None);
        assert_eq!(says(&over, 101), None);
        assert!(says(&lowered, 153).is_some());
    }
}
