//! The sentences that `image-service check` prints.

use image_model::visible::visible;
use std::fmt;
use std::io::Write;

/// The state of one part of the service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Works,
    /// It works, but the operator should look at it.
    Warning,
    Fails,
    /// It is not configured.
    Off,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Works => "ok",
            Self::Warning => "warning",
            Self::Fails => "failed",
            Self::Off => "off",
        })
    }
}

/// Prints each sentence at once, because a source may take a while.
#[derive(Default)]
pub(super) struct Report {
    pub(super) failed: bool,
}

impl Report {
    pub(super) fn print(&mut self, verdict: Verdict, part: &str, sentence: impl fmt::Display) {
        self.failed |= verdict == Verdict::Fails;
        // A closed stdout is no error; the exit code still tells the result.
        let _ = writeln!(std::io::stdout(), "{verdict:<8} {part:<12} {}", visible(&sentence.to_string()));
    }
}

/// A number with its noun, such as `1 row` and `2 rows`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
