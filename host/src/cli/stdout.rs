//! What commands print on stdout.

use anyhow::{Context, Result};
use std::io::{self, ErrorKind, StdoutLock, Write};

/// Prints a text.
///
/// # Errors
///
/// When stdout does not take it.
pub(super) fn print(text: &[u8]) -> Result<()> {
    Stdout::default().take(|out| out.write_all(text))
}

/// Stdout, until its reader leaves, as `head` does. What it takes goes on.
#[derive(Default)]
pub(super) struct Stdout {
    has_left: bool,
}

impl Stdout {
    /// Writes something.
    ///
    /// # Errors
    ///
    /// When stdout does not take it, although somebody reads it.
    pub(super) fn take(&mut self, write: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>) -> Result<()> {
        if self.has_left {
            return Ok(());
        }
        match write(&mut io::stdout().lock()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.has_left = true;
                Ok(())
            }
            outcome => outcome.context("writing the answer"),
        }
    }
}
