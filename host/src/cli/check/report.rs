//! The sentences that `image-service check` prints.

use crate::cli::stdout::Stdout;
use anyhow::Result;
use image_model::visible::visible;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

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
    failed: bool,
    out: Stdout,
    /// Why stdout did not take a sentence.
    unprinted: Option<anyhow::Error>,
}

impl Report {
    pub(super) fn print(&mut self, verdict: Verdict, part: &str, sentence: impl fmt::Display) {
        self.failed |= verdict == Verdict::Fails;
        let sentence = sentence.to_string();
        let printed = self.out.take(|out| writeln!(out, "{verdict:<8} {part:<12} {}", visible(&sentence)));
        self.unprinted = self.unprinted.take().or(printed.err());
    }

    /// The exit code: 1 where something fails.
    ///
    /// # Errors
    ///
    /// When stdout did not take a sentence.
    pub(super) fn end(self) -> Result<ExitCode> {
        self.unprinted.map_or(Ok(ExitCode::from(u8::from(self.failed))), Err)
    }
}

/// A number with its noun, such as `1 row` and `2 rows`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
