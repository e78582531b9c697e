//! Whether Harbor took longer for an answer than it usually takes for answers of this kind.
//!
//! A healthy Harbor is slower with more requests at a time: two processors answer eight in four times the time of two. So the
//! usual time is known with the number of requests under way, and grows with that number at most.

use http::header::AUTHORIZATION;
use http::request::Parts;
use std::collections::HashMap;
use std::time::Duration;

/// Answers until their average counts.
const FIRST: u32 = 10;
/// After them, an answer changes the average by one part of so many: some hundred slow answers become usual.
const PARTS: u32 = 200;
/// An answer that took so many times the usual time is slow.
const SLOW: f64 = 2.0;
/// An answer counts at most so many times the usual time in the average.
const OUTLIER: f64 = 4.0;
/// No answer is slow that took less. Below it, this machine's own load shows.
const QUICK: Duration = Duration::from_millis(20);
/// Most kinds; components choose the paths.
const MAX_KINDS: usize = 256;
/// The lists that cost differently.
const LISTS: [&str; 4] = ["projects", "repositories", "artifacts", "systeminfo"];

/// How quick an answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As usual, or quicker.
    Usual,
    /// Slower than usual.
    Slow,
    /// Nobody knows yet what is usual.
    Unknown,
}

/// Requests that cost Harbor about the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// A user's password costs Harbor 100 ms of each request.
    with_login: bool,
    /// With the next, the path without the names of projects and repositories.
    segments: usize,
    list: Option<&'static str>,
    /// A long page costs more than a short one: the binary logarithm of its bytes.
    size: u32,
}

/// The usual time of each kind.
#[derive(Default)]
pub(super) struct Latency(HashMap<Kind, Average>);

/// The usual time of a kind, and how many requests were under way.
#[derive(Default)]
struct Average {
    answers: u32,
    seconds: f64,
    in_flight: f64,
}

impl Kind {
    /// The kind of a request whose answer has so many bytes.
    pub(super) fn of(request: &Parts, bytes: usize) -> Self {
        let path = request.uri.path().trim_end_matches('/');
        let last = path.rsplit('/').next().unwrap_or_default();
        Self {
            with_login: request.headers.contains_key(AUTHORIZATION),
            segments: path.split('/').count(),
            list: LISTS.into_iter().find(|list| *list == last),
            size: bytes.checked_ilog2().unwrap_or(0),
        }
    }
}

impl Latency {
    /// Compares a time with the usual one, while so many requests were under way, and learns it.
    pub(super) fn judge(&mut self, kind: Kind, took: Duration, in_flight: usize) -> Pace {
        if self.0.len() >= MAX_KINDS && !self.0.contains_key(&kind) {
            return Pace::Unknown;
        }
        let average = self.0.entry(kind).or_default();
        let (seconds, in_flight) = (took.as_secs_f64(), in_flight as f64);
        if average.answers < FIRST {
            average.learn(seconds, in_flight);
            return Pace::Unknown;
        }
        let usual = average.usual(in_flight);
        average.learn(seconds.min(usual * OUTLIER), in_flight);
        if took > QUICK && seconds > usual * SLOW { Pace::Slow } else { Pace::Usual }
    }
}

impl Average {
    /// The usual time with so many requests under way, at most: where they have the processors to themselves, it is less.
    fn usual(&self, in_flight: f64) -> f64 {
        self.seconds * (in_flight / self.in_flight).max(1.0)
    }

    fn learn(&mut self, seconds: f64, in_flight: f64) {
        self.answers = self.answers.saturating_add(1);
        let parts = f64::from(if self.answers <= FIRST { self.answers } else { PARTS });
        self.seconds += (seconds - self.seconds) / parts;
        self.in_flight += (in_flight - self.in_flight) / parts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn kind(path: &str, bytes: usize) -> Kind {
        Kind::of(&Request::get(path).body(()).unwrap().into_parts().0, bytes)
    }

    const PAGE: &str = "/api/v2.0/projects/a/repositories/b/artifacts?page=1";

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A Harbor that usually answers in this time with so many requests under way.
    fn usually(took: Duration, in_flight: usize) -> Latency {
        let mut latency = Latency::default();
        for _ in 0..100 {
            latency.judge(kind(PAGE, 1000), took, in_flight);
        }
        latency
    }

    #[test]
    fn an_answer_is_slow_that_took_more_than_twice_the_usual_time() {
        let mut latency = usually(ms(30), 8);
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(55), 8), Pace::Usual);
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(65), 8), Pace::Slow);
    }

    #[test]
    fn a_harbor_that_answers_more_slowly_the_more_it_is_asked_is_not_slow() {
        // Two processors: as many milliseconds for each as half of what is under way.
        let mut latency = usually(ms(20), 2);
        for in_flight in [8, 4, 16, 2, 1, 8] {
            let took = ms(10 * in_flight.max(2) as u64);
            assert_eq!(latency.judge(kind(PAGE, 1000), took, in_flight), Pace::Usual, "{in_flight}");
        }
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(200), 8), Pace::Slow);
    }

    #[test]
    fn fewer_at_a_time_may_be_as_slow_as_more_were() {
        let mut latency = usually(ms(80), 8);
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(80), 1), Pace::Usual);
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(170), 1), Pace::Slow);
    }

    #[test]
    fn requests_are_compared_with_those_that_cost_harbor_about_the_same() {
        let same = kind(PAGE, 1000);
        assert_eq!(same, kind("/api/v2.0/projects/artifacts/repositories/c%252Fd/artifacts?page=7", 600));
        let mut with_login = Request::get(PAGE).header(AUTHORIZATION, "Basic x").body(()).unwrap().into_parts().0;
        assert_ne!(same, Kind::of(&with_login, 1000));
        with_login.headers.clear();
        assert_eq!(same, Kind::of(&with_login, 1000));
        for (path, bytes) in [
            (PAGE, 100_000),
            ("/api/v2.0/projects/a/artifacts?page=1", 1000),
            ("/api/v2.0/projects/a/repositories", 1000),
            ("/api/v2.0/projects/a/repositories/b", 1000),
            ("/api/v2.0/projects", 1000),
            ("/api/v2.0/systeminfo", 1000),
        ] {
            assert_ne!(same, kind(path, bytes), "{path}");
        }
    }

    #[test]
    fn nothing_is_slow_before_ten_answers_or_below_twenty_milliseconds() {
        let mut latency = Latency::default();
        for _ in 0..9 {
            latency.judge(kind(PAGE, 1000), ms(1), 1);
        }
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(10_000), 1), Pace::Unknown);
        assert_eq!(usually(ms(1), 1).judge(kind(PAGE, 1000), ms(19), 1), Pace::Usual);
    }

    #[test]
    fn what_stays_slow_becomes_usual_and_one_outlier_does_not() {
        let mut latency = usually(ms(30), 8);
        latency.judge(kind(PAGE, 1000), ms(30_000), 8);
        assert_eq!(latency.judge(kind(PAGE, 1000), ms(65), 8), Pace::Slow);
        let slow = (0..500).filter(|_| latency.judge(kind(PAGE, 1000), ms(120), 8) == Pace::Slow).count();
        assert!((50..150).contains(&slow), "{slow}");
    }

    #[test]
    fn kinds_are_so_many_at_most() {
        let mut latency = Latency::default();
        for segments in 0..2 * MAX_KINDS {
            latency.judge(kind(&"/a".repeat(segments + 1), 0), ms(1), 1);
        }
        assert_eq!(latency.0.len(), MAX_KINDS);
    }
}
