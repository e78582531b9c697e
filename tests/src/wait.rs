//! Waiting for what the program does in its own time: one way, with a deadline.

use anyhow::{Result, bail};
use std::future::Future;
use std::time::{Duration, Instant};

/// The longest wait of a test. It ends a test that would otherwise hang; it decides nothing.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// What a look gives: whether the condition holds, or the value that was awaited.
pub trait Look {
    /// What is there once the condition holds.
    type Value;

    /// The value, if the condition holds.
    fn seen(self) -> Option<Self::Value>;
}

impl Look for bool {
    type Value = ();

    fn seen(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Look for Option<T> {
    type Value = T;

    fn seen(self) -> Option<T> {
        self
    }
}

impl<T, E> Look for Result<T, E> {
    type Value = T;

    fn seen(self) -> Option<T> {
        self.ok()
    }
}

/// Looks again and again until the condition holds.
///
/// # Errors
///
/// When it does not hold within [`DEADLINE`]; the message says what was awaited.
pub async fn eventually<L: Look>(what: &str, mut look: impl AsyncFnMut() -> L) -> Result<L::Value> {
    let begun = Instant::now();
    loop {
        if let Some(value) = look().await.seen() {
            return Ok(value);
        }
        if begun.elapsed() > DEADLINE {
            bail!("waited {} s in vain: {what}", DEADLINE.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits for an event that somebody else tells of.
///
/// # Errors
///
/// When it does not come within [`DEADLINE`]; the message says what was awaited.
pub async fn within_deadline<F: Future>(what: &str, event: F) -> Result<F::Output> {
    match tokio::time::timeout(DEADLINE, event).await {
        Ok(output) => Ok(output),
        Err(_) => bail!("waited {} s in vain: {what}", DEADLINE.as_secs()),
    }
}

/// Whether this has not ended after a fifth of a second. That nothing happens is no event, so this is the one wait of a
/// fixed length: a slow machine can only make it miss a fault, never report one that is not there.
pub async fn is_pending(work: impl Future) -> bool {
    tokio::time::timeout(Duration::from_millis(200), work).await.is_err()
}
