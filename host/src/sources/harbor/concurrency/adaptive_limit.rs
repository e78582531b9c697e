//! The limit by AIMD: what raises and lowers it. No clock and no semaphore is here.

use super::latency::Pace;
use std::fmt;

/// Answers of which more than half have to be slow. Fewer say little.
const WINDOW: usize = 20;

/// A limit between 1 and its maximum.
pub(super) struct AdaptiveLimit {
    max: usize,
    now: usize,
    /// Requests that were under way when the trouble came; `None` where the limit is at its maximum. With more than that at a
    /// time the trouble is over.
    trouble_at: Option<usize>,
    /// Rises with each lowering. What began before a lowering says nothing about what it brought.
    generation: u64,
    /// Good answers since the latest change.
    good: usize,
    window: Window,
}

/// The answers of this window.
#[derive(Default)]
struct Window {
    answers: usize,
    slow: usize,
    /// Most requests that were under way at a time.
    in_flight: usize,
}

/// A change of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) cause: Cause,
}

/// Why the limit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// So many requests at a time met failures that a load may cause.
    Failures(usize),
    /// So many requests at a time were answered more slowly than usual.
    Slower(usize),
    /// Harbor answers well.
    GoodAnswers,
    /// Harbor answers well, with more at a time than when the trouble came: the limit is at its maximum.
    TroubleOver,
}

impl AdaptiveLimit {
    pub(super) fn new(max: usize) -> Self {
        Self { max, now: max, trouble_at: None, generation: 0, good: 0, window: Window::default() }
    }

    /// What requests that begin now give back with their outcome.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// A request of this generation met a failure that a load may cause, while so many were under way.
    pub(super) fn overloaded(&mut self, generation: u64, in_flight: usize) -> Option<Change> {
        if generation != self.generation {
            return None;
        }
        self.lower(in_flight, |used| used / 2, Cause::Failures)
    }

    /// A request of this generation was answered at this pace, while so many were under way.
    pub(super) fn answered(&mut self, generation: u64, pace: Pace, in_flight: usize) -> Option<Change> {
        if generation != self.generation {
            return None;
        }
        if let Some(in_flight) = self.window.slower(pace, in_flight) {
            return self.lower(in_flight, |used| used - used.div_ceil(4), Cause::Slower);
        }
        if pace == Pace::Slow { None } else { self.raise() }
    }

    fn lower(&mut self, in_flight: usize, to: impl Fn(usize) -> usize, cause: fn(usize) -> Cause) -> Option<Change> {
        // A maximum far above what is used would be lowered in vain.
        let used = if self.trouble_at.is_some() { self.now } else { self.now.min(in_flight) };
        if used <= 1 && self.trouble_at.is_none() {
            // One at a time is no load.
            return None;
        }
        self.trouble_at = Some(self.trouble_at.unwrap_or(used));
        self.generation += 1;
        self.change(to(used).max(1), cause(used))
    }

    fn raise(&mut self) -> Option<Change> {
        let trouble_at = self.trouble_at?;
        self.good += 1;
        if self.good < self.now {
            return None;
        }
        if self.now < trouble_at {
            return self.change(self.now + 1, Cause::GoodAnswers);
        }
        self.trouble_at = None;
        self.change(self.max, Cause::TroubleOver)
    }

    fn change(&mut self, to: usize, cause: Cause) -> Option<Change> {
        let from = std::mem::replace(&mut self.now, to);
        self.good = 0;
        self.window = Window::default();
        // The end of a trouble is one even where the maximum is no more than was used.
        (from != to || cause == Cause::TroubleOver).then_some(Change { from, to, cause })
    }
}

impl Window {
    /// Adds an answer. Where the window is full and most of it was slow, returns how many requests were under way.
    fn slower(&mut self, pace: Pace, in_flight: usize) -> Option<usize> {
        if pace == Pace::Unknown {
            return None;
        }
        self.answers += 1;
        self.slow += usize::from(pace == Pace::Slow);
        self.in_flight = self.in_flight.max(in_flight);
        if self.answers < WINDOW {
            return None;
        }
        let window = std::mem::take(self);
        (window.slow * 2 > window.answers).then_some(window.in_flight)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to;
        match self.cause {
            Cause::Failures(used) => write!(
                f,
                "Harbor fails with {used} requests at a time (429, 5xx, or no answer in time): the program sends it {to} at a \
                 time, and more when it answers well"
            ),
            Cause::Slower(used) => write!(
                f,
                "Harbor is much slower than usual with {used} requests at a time: the program sends it {to} at a time, and \
                 more when it is as quick as usual"
            ),
            Cause::GoodAnswers => write!(f, "Harbor answers well: the program sends it {to} requests at a time"),
            Cause::TroubleOver => {
                write!(f, "Harbor answers well again: the program sends it up to {to} requests at a time")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many answers at this pace, with so many requests under way. Returns the limit after each change.
    fn answers(limit: &mut AdaptiveLimit, count: usize, pace: Pace, in_flight: usize) -> Vec<usize> {
        let changes = (0..count).filter_map(|_| limit.answered(limit.generation(), pace, in_flight));
        changes.map(|change| change.to).collect()
    }

    fn fail(limit: &mut AdaptiveLimit, in_flight: usize) -> Option<usize> {
        limit.overloaded(limit.generation(), in_flight).map(|change| change.to)
    }

    #[test]
    fn each_failure_halves_what_was_used_down_to_one() {
        let mut limit = AdaptiveLimit::new(64);
        assert_eq!(fail(&mut limit, 8), Some(4));
        assert_eq!(fail(&mut limit, 4), Some(2));
        // What is under way at this moment counts the first time only: a request that is sent again may be alone.
        assert_eq!(fail(&mut limit, 1), Some(1));
        assert_eq!(fail(&mut limit, 1), None);
        assert_eq!(limit.now, 1);
    }

    #[test]
    fn a_failure_of_a_request_that_was_alone_changes_nothing() {
        let mut limit = AdaptiveLimit::new(64);
        assert_eq!(fail(&mut limit, 1), None);
        assert_eq!(limit.now, 64);
    }

    #[test]
    fn outcomes_of_requests_that_began_before_a_lowering_do_not_count() {
        let mut limit = AdaptiveLimit::new(8);
        let before = limit.generation();
        assert_eq!(fail(&mut limit, 8), Some(4));
        for _ in 0..100 {
            assert_eq!(limit.overloaded(before, 8), None);
            assert_eq!(limit.answered(before, Pace::Usual, 8), None);
            assert_eq!(limit.answered(before, Pace::Slow, 8), None);
        }
        assert_eq!(limit.now, 4);
    }

    #[test]
    fn a_round_of_good_answers_raises_it_by_one_and_the_maximum_comes_back_beyond_the_trouble() {
        let mut limit = AdaptiveLimit::new(64);
        fail(&mut limit, 8);
        fail(&mut limit, 4);
        assert_eq!(answers(&mut limit, 2 + 3 + 4 + 5 + 6 + 7, Pace::Usual, 2), [3, 4, 5, 6, 7, 8]);
        assert_eq!(answers(&mut limit, 7, Pace::Usual, 8), [0; 0]);
        assert_eq!(answers(&mut limit, 1, Pace::Unknown, 8), [64]);
        assert_eq!(limit.trouble_at, None);
    }

    #[test]
    fn trouble_at_the_maximum_ends_there() {
        let mut limit = AdaptiveLimit::new(2);
        fail(&mut limit, 2);
        assert_eq!(answers(&mut limit, 1, Pace::Usual, 1), [2]);
        let over = Change { from: 2, to: 2, cause: Cause::TroubleOver };
        assert_eq!(limit.answered(limit.generation(), Pace::Usual, 2), None);
        assert_eq!(limit.answered(limit.generation(), Pace::Usual, 2), Some(over));
    }

    #[test]
    fn mostly_slow_answers_lower_it_by_a_quarter_a_window_down_to_one() {
        let mut limit = AdaptiveLimit::new(64);
        assert_eq!(answers(&mut limit, 19, Pace::Slow, 8), [0; 0]);
        assert_eq!(answers(&mut limit, 1, Pace::Slow, 8), [6]);
        assert_eq!(answers(&mut limit, 20 * 5, Pace::Slow, 6), [4, 3, 2, 1]);
        assert_eq!(limit.now, 1);
    }

    #[test]
    fn a_half_of_slow_answers_lowers_nothing() {
        let mut limit = AdaptiveLimit::new(64);
        for _ in 0..100 {
            assert_eq!(answers(&mut limit, 10, Pace::Slow, 8), [0; 0]);
            assert_eq!(answers(&mut limit, 10, Pace::Usual, 8), [0; 0]);
        }
    }

    #[test]
    fn slow_answers_do_not_raise_it() {
        let mut limit = AdaptiveLimit::new(8);
        fail(&mut limit, 8);
        assert_eq!(answers(&mut limit, 19, Pace::Slow, 4), [0; 0]);
        assert_eq!(limit.now, 4);
    }
}
