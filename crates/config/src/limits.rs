//! `limits_config`: the limits of clients, components and sources.

use crate::timeout::seconds;
use anyhow::{Result, bail};
use image_model::limits::{MAX_CRICTL_BYTES, MAX_HARBOR_BYTES};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// The limits of clients, components and sources.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that are open at a time.
    pub max_connections: usize,
    /// Bytes of a request's head.
    pub max_header_bytes: usize,
    /// How long a client may take over a request's head, and to begin the next.
    pub header_timeout: Duration,
    /// How long a client may take over 64 KiB of a request's or an answer's body.
    pub client_timeout: Duration,
    /// Requests that components work on at a time.
    pub max_requests: usize,
    /// Requests that wait for their turn with components; more are refused with 503.
    pub max_waiting: usize,
    /// How long an answer may take once it has begun.
    pub answer_timeout: Duration,
    /// Bytes of memory that an instance of a composition may have, all its components together.
    pub max_memory: usize,
    /// Resources, such as streams and headers, that an instance may have open.
    pub max_handles: usize,
    /// Lines a second that components may say on stderr, all instances together.
    pub max_stderr_lines: usize,
    /// Bytes of one answer of Harbor.
    pub max_upstream_bytes: usize,
    /// Requests to Harbor under way at a time, of all instances.
    pub max_upstream_requests: usize,
    /// Bytes that crictl may print, and of an answer over the runtime's socket.
    pub max_crictl_bytes: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    max_connections: Option<usize>,
    max_header_bytes: Option<usize>,
    header_timeout: Option<f64>,
    client_timeout: Option<f64>,
    max_requests: Option<usize>,
    max_waiting: Option<usize>,
    answer_timeout: Option<f64>,
    max_memory: Option<usize>,
    max_handles: Option<usize>,
    max_stderr_lines: Option<usize>,
    max_upstream_bytes: Option<usize>,
    max_upstream_requests: Option<usize>,
    max_crictl_bytes: Option<usize>,
}

impl Section {
    pub(crate) fn read(self) -> Result<Limits> {
        Ok(Limits {
            max_connections: at_least("max_connections", self.max_connections, 1, 1024)?,
            // hyper needs room for a line and a few headers.
            max_header_bytes: at_least("max_header_bytes", self.max_header_bytes, 8192, 16 * 1024)?,
            header_timeout: seconds("limits_config.header_timeout", self.header_timeout, 10.0)?,
            client_timeout: seconds("limits_config.client_timeout", self.client_timeout, 30.0)?,
            max_requests: within("max_requests", self.max_requests, 1..=4096, 64)?,
            max_waiting: at_least("max_waiting", self.max_waiting, 0, 256)?,
            answer_timeout: seconds("limits_config.answer_timeout", self.answer_timeout, 600.0)?,
            // The built-in composition begins with 5 MiB; 32-bit addresses reach no further than 4 GiB.
            max_memory: within("max_memory", self.max_memory, 8 * MIB..=4096 * MIB, 256 * MIB)?,
            // A listing needs some dozens.
            max_handles: at_least("max_handles", self.max_handles, 100, 10_000)?,
            max_stderr_lines: at_least("max_stderr_lines", self.max_stderr_lines, 1, 100)?,
            // The component `harbor` takes no more.
            max_upstream_bytes: within(
                "max_upstream_bytes",
                self.max_upstream_bytes,
                1..=MAX_HARBOR_BYTES,
                MAX_HARBOR_BYTES,
            )?,
            max_upstream_requests: at_least("max_upstream_requests", self.max_upstream_requests, 1, 64)?,
            max_crictl_bytes: at_least("max_crictl_bytes", self.max_crictl_bytes, 1, MAX_CRICTL_BYTES)?,
        })
    }
}

/// The configured number, or the default one.
fn at_least(key: &str, value: Option<usize>, least: usize, default: usize) -> Result<usize> {
    match value {
        None => Ok(default),
        Some(value) if value >= least => Ok(value),
        Some(value) => bail!("limits_config.{key} is {value}; it needs to be {least} or more"),
    }
}

/// The same for a number that can be too large as well.
fn within(key: &str, value: Option<usize>, range: RangeInclusive<usize>, default: usize) -> Result<usize> {
    let value = at_least(key, value, *range.start(), default)?;
    if value > *range.end() {
        bail!("limits_config.{key} is {value}; it can be {} at most", range.end());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<Limits> {
        serde_json::from_str::<Section>(&format!("{{\"{key}\": {value}}}")).unwrap().read()
    }

    #[test]
    fn a_limit_that_makes_no_sense_is_refused_by_its_key() {
        for (key, value) in [
            ("max_connections", "0"),
            ("max_header_bytes", "100"),
            ("header_timeout", "0"),
            ("max_requests", "0"),
            ("max_requests", "5000"),
            ("answer_timeout", "-1"),
            ("max_memory", "1000"),
            ("max_memory", "5000000000"),
            ("max_handles", "1"),
            ("max_stderr_lines", "0"),
            ("max_upstream_bytes", "0"),
            ("max_upstream_bytes", "100000000"),
            ("max_upstream_requests", "0"),
            ("max_crictl_bytes", "0"),
        ] {
            let error = read(key, value).unwrap_err().to_string();
            assert!(error.starts_with(&format!("limits_config.{key} is ")), "{error}");
        }
    }

    #[test]
    fn nobody_need_be_let_wait() {
        assert_eq!(read("max_waiting", "0").unwrap().max_waiting, 0);
    }
}
