//! Lines of the log that clients or components can cause as often as they like: each once a minute, with how often it came.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a line is not repeated.
const INTERVAL: Duration = Duration::from_secs(60);
/// Most lines that are remembered.
const MAX_LINES: usize = 256;

/// The lines of the last minute.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<HashMap<String, Said>>);

#[derive(Debug)]
struct Said {
    at: Instant,
    left_out: u64,
}

/// How often a line was left out before it is written again; shown as the end of that line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut(u64);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, " (and {} times more since this was said last)", self.0) }
    }
}

impl Seldom {
    /// Whether this line may be written now; `None` where it was a moment ago.
    pub fn may_say(&self, line: &str) -> Option<LeftOut> {
        self.may_say_at(line, Instant::now())
    }

    fn may_say_at(&self, line: &str, now: Instant) -> Option<LeftOut> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = lines.get_mut(line) {
            if now.saturating_duration_since(said.at) < INTERVAL {
                said.left_out = said.left_out.saturating_add(1);
                return None;
            }
            said.at = now;
            return Some(LeftOut(std::mem::take(&mut said.left_out)));
        }
        if lines.len() >= MAX_LINES {
            lines.retain(|_, said| now.saturating_duration_since(said.at) < INTERVAL);
            // So many different ones are no repetition.
            if lines.len() >= MAX_LINES {
                return Some(LeftOut(0));
            }
        }
        lines.insert(line.to_owned(), Said { at: now, left_out: 0 });
        Some(LeftOut(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_a_minute_with_how_often_it_came() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        let say = |line, seconds| {
            let now = begun.checked_add(Duration::from_secs(seconds)).unwrap();
            seldom.may_say_at(line, now).map(|left_out| left_out.to_string())
        };
        assert_eq!(say("one", 0).as_deref(), Some(""));
        assert_eq!((say("one", 1), say("one", 59)), (None, None));
        assert_eq!(say("two", 1).as_deref(), Some(""));
        assert_eq!(say("one", 60).as_deref(), Some(" (and 2 times more since this was said last)"));
        assert_eq!(say("two", 120).as_deref(), Some(""));
    }

    #[test]
    fn it_remembers_a_bounded_number_of_lines_and_forgets_old_ones() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        for number in 0..1000 {
            assert!(seldom.may_say_at(&number.to_string(), begun).is_some());
        }
        assert_eq!(seldom.0.lock().unwrap().len(), MAX_LINES);
        let later = begun.checked_add(INTERVAL).unwrap();
        assert!(seldom.may_say_at("new", later).is_some());
        assert_eq!(seldom.0.lock().unwrap().len(), 1);
    }
}
