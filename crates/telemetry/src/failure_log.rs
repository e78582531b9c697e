//! Failing sources in the log: a warning when one begins to fail, again while it lasts, and a line when it is over.

use crate::source::Source;
use image_model::report::SourceReport;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time from the first warning to the second. Each further one comes after twice the time.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// The longest time between two warnings of a failure that lasts.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What became of the sources in all listings of this process.
static LOG: Mutex<FailureLog> = Mutex::new(FailureLog { failing: Vec::new() });

/// A listing ended, and says this of the sources that it asked.
pub fn listed(reports: &[SourceReport<'_>]) {
    let lines = LOG.lock().unwrap_or_else(PoisonError::into_inner).listed(reports, Instant::now());
    for line in lines {
        line.write();
    }
}

/// The sources that fail.
struct FailureLog {
    failing: Vec<Failing>,
}

/// A source that fails in one way.
struct Failing {
    source: Source,
    code: String,
    since: Instant,
    /// Listings in which it failed so.
    listings: u64,
    warned: Instant,
    wait: Duration,
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Begins { source: Source, code: String, message: String },
    Lasts { source: Source, code: String, message: String, listings: u64, time: Duration },
    Over { source: Source, listings: u64, time: Duration },
}

impl FailureLog {
    fn listed(&mut self, reports: &[SourceReport<'_>], now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        for source in Source::ALL {
            let own = || reports.iter().filter(|report| report.source == source.name());
            for report in own() {
                if let Some(code) = report.code.as_deref() {
                    lines.extend(self.failed(source, code, &told(report), now));
                }
            }
            // Somebody asked it, and it did not fail.
            if own().next().is_some() && own().all(|report| report.code.is_none()) {
                let of_source = |failing: &Failing| failing.source == source;
                let begun = self.failing.iter().filter(|failing| of_source(failing)).map(|failing| failing.since).min();
                let listings =
                    self.failing.iter().filter(|failing| of_source(failing)).map(|failing| failing.listings).max();
                self.failing.retain(|failing| !of_source(failing));
                lines.extend(begun.zip(listings).map(|(since, listings)| Line::Over {
                    source,
                    listings,
                    time: now.saturating_duration_since(since),
                }));
            }
        }
        lines
    }

    fn failed(&mut self, source: Source, code: &str, message: &str, now: Instant) -> Option<Line> {
        let (owned, message) = (code.to_owned(), message.to_owned());
        let Some(failing) = self.failing.iter_mut().find(|failing| failing.source == source && failing.code == code)
        else {
            self.failing.push(Failing {
                source,
                code: owned.clone(),
                since: now,
                listings: 1,
                warned: now,
                wait: FIRST_WAIT,
            });
            return Some(Line::Begins { source, code: owned, message });
        };
        failing.listings = failing.listings.saturating_add(1);
        if now.saturating_duration_since(failing.warned) < failing.wait {
            return None;
        }
        failing.warned = now;
        failing.wait = failing.wait.saturating_mul(2).min(LONGEST_WAIT);
        let time = now.saturating_duration_since(failing.since);
        Some(Line::Lasts { source, code: owned, message, listings: failing.listings, time })
    }
}

/// The first message, and how many more there are of its kind.
fn told(report: &SourceReport<'_>) -> String {
    match report.count.saturating_sub(1) {
        0 => report.message.to_string(),
        more => format!("{} (and {more} more of this kind)", report.message),
    }
}

impl Line {
    fn write(self) {
        match self {
            Self::Begins { source, code, message } => {
                tracing::warn!(source = source.name(), code, "{} fails: {message}", source.name());
            }
            Self::Lasts { source, code, message, listings, time } => {
                let (name, seconds) = (source.name(), time.as_secs());
                tracing::warn!(source = name, code, listings, seconds, "{name} still fails: {message}");
            }
            Self::Over { source, listings, time } => {
                let (name, seconds) = (source.name(), time.as_secs());
                tracing::info!(source = name, listings, seconds, "{name} answers again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(source: Source, code: Option<&str>) -> SourceReport<'static> {
        let code = code.map(|code| code.to_owned().into());
        SourceReport { source: source.name().into(), count: u64::from(code.is_some()), code, message: "no".into() }
    }

    /// What is logged where the sources are told to fail so, at these seconds.
    fn logged(
        log: &mut FailureLog,
        begun: Instant,
        seconds: u64,
        reports: &[(Source, Option<&str>)],
    ) -> Vec<&'static str> {
        let reports: Vec<_> = reports.iter().map(|(source, code)| report(*source, *code)).collect();
        let lines = log.listed(&reports, begun.checked_add(Duration::from_secs(seconds)).unwrap());
        lines
            .iter()
            .map(|line| match line {
                Line::Begins { .. } => "begins",
                Line::Lasts { .. } => "lasts",
                Line::Over { .. } => "over",
            })
            .collect()
    }

    #[test]
    fn a_failure_is_told_when_it_begins_less_and_less_while_it_lasts_and_when_it_is_over() {
        use Source::{Containerd, Harbor};
        let (mut log, begun) = (FailureLog { failing: Vec::new() }, Instant::now());
        let fails = [(Containerd, None), (Harbor, Some("denied"))];
        let told: Vec<u64> =
            (0..10_000).filter(|second| !logged(&mut log, begun, *second, &fails).is_empty()).collect();
        assert_eq!(told, [0, 60, 180, 420, 900, 1860, 3780, 7380]);
        // The node alone says nothing of Harbor.
        assert!(logged(&mut log, begun, 10_000, &[(Containerd, None)]).is_empty());
        assert_eq!(logged(&mut log, begun, 10_001, &[(Containerd, None), (Harbor, None)]), ["over"]);
        assert!(logged(&mut log, begun, 10_002, &[(Containerd, None), (Harbor, None)]).is_empty());
    }

    #[test]
    fn each_source_and_kind_is_told_by_itself_and_the_end_once() {
        use Source::{Containerd, Harbor};
        let (mut log, begun) = (FailureLog { failing: Vec::new() }, Instant::now());
        let mut at = |second, reports: &[_]| logged(&mut log, begun, second, reports);
        assert_eq!(at(0, &[(Containerd, Some("denied")), (Harbor, Some("denied"))]), ["begins", "begins"]);
        assert_eq!(at(1, &[(Containerd, Some("denied")), (Harbor, Some("timed_out"))]), ["begins"]);
        assert!(at(2, &[(Containerd, Some("denied")), (Harbor, Some("denied"))]).is_empty());
        assert_eq!(at(3, &[(Containerd, Some("denied")), (Harbor, None)]), ["over"]);
        assert_eq!(at(4, &[(Containerd, None), (Harbor, Some("denied"))]), ["over", "begins"]);
    }
}
