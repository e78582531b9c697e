//! Time limits in seconds.

use anyhow::{Result, anyhow, bail};
use std::time::Duration;

/// The default of most time limits, in seconds.
pub(crate) const DEFAULT_TIMEOUT: f64 = 30.0;

/// The configured time limit, or the default. It must be more than 0.
pub(crate) fn seconds(key: &str, value: Option<f64>, default: f64) -> Result<Duration> {
    match value.unwrap_or(default) {
        seconds if seconds > 0.0 => {
            Duration::try_from_secs_f64(seconds).map_err(|error| anyhow!("{key} is {seconds} seconds: {error}"))
        }
        seconds => bail!("{key} is {seconds}; it needs to be more than 0 seconds"),
    }
}
