//! `limits_config`: the limits of clients, components and sources.

use crate::duration;
use anyhow::{Result, bail};
use image_model::limits::{MAX_CRICTL_BYTES, MAX_HARBOR_BYTES};
use image_service_memory::cgroup;
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;

const MIB: usize = 1024 * 1024;
/// The default of `max_total_memory` where the system sets no limit.
const DEFAULT_TOTAL: usize = 512 * MIB;

/// The limits of clients, components and sources.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Most open connections at a time.
    pub max_connections: usize,
    /// Most bytes of a request's head.
    pub max_header_bytes: usize,
    /// Longest time for a client to send a request's head, and to begin the next request.
    pub header_timeout: Duration,
    /// Longest time for a client to send 64 KiB of a request's body or to take 64 KiB of an answer's body.
    pub client_timeout: Duration,
    /// Most requests that run in components at a time.
    pub max_requests: usize,
    /// Most requests that wait for components; the program refuses more with 503.
    pub max_waiting: usize,
    /// Longest time from the begin of an answer to its end.
    pub answer_timeout: Duration,
    /// Most bytes of memory of an instance of a composition, all its components together.
    pub max_memory: usize,
    /// Most resources, such as streams and headers, that an instance has open at a time.
    pub max_handles: usize,
    /// Most lines a second that components write to stderr, all instances together.
    pub max_stderr_lines: usize,
    /// Most bytes of one answer of Harbor.
    pub max_upstream_bytes: usize,
    /// Most requests to Harbor under way at a time, of all instances.
    pub max_upstream_requests: usize,
    /// Bytes of memory that the whole program may use.
    pub max_total_memory: usize,
    /// Most bytes of the output of crictl, and of an answer over the runtime's socket.
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
    max_total_memory: Option<usize>,
    max_crictl_bytes: Option<usize>,
}

impl Section {
    pub(crate) fn read(self) -> Result<Limits> {
        Ok(Limits {
            max_connections: at_least("max_connections", self.max_connections, 1, 1024)?,
            // hyper needs room for a line and a few headers.
            max_header_bytes: at_least("max_header_bytes", self.max_header_bytes, 8192, 16 * 1024)?,
            header_timeout: duration::limit("limits_config.header_timeout", self.header_timeout, 10.0)?,
            client_timeout: duration::limit("limits_config.client_timeout", self.client_timeout, 30.0)?,
            max_requests: within("max_requests", self.max_requests, 1..=4096, 64)?,
            max_waiting: at_least("max_waiting", self.max_waiting, 0, 256)?,
            answer_timeout: duration::limit("limits_config.answer_timeout", self.answer_timeout, 600.0)?,
            // The built-in composition starts with 5 MiB; 32-bit addresses end at 4 GiB.
            max_memory: within("max_memory", self.max_memory, 8 * MIB..=4096 * MIB, 256 * MIB)?,
            // A listing needs several dozen.
            max_handles: at_least("max_handles", self.max_handles, 100, 10_000)?,
            max_stderr_lines: at_least("max_stderr_lines", self.max_stderr_lines, 1, 100)?,
            // The component `harbor` accepts no more.
            max_upstream_bytes: within(
                "max_upstream_bytes",
                self.max_upstream_bytes,
                1..=MAX_HARBOR_BYTES,
                MAX_HARBOR_BYTES,
            )?,
            max_upstream_requests: at_least("max_upstream_requests", self.max_upstream_requests, 1, 64)?,
            // An idle program needs a third of it.
            max_total_memory: at_least("max_total_memory", self.max_total_memory, 64 * MIB, default_total())?,
            max_crictl_bytes: at_least("max_crictl_bytes", self.max_crictl_bytes, 1, MAX_CRICTL_BYTES)?,
        })
    }
}

/// Seven eighths of what the system allows the program: the buffers of sockets, which the system counts too, need the rest.
fn default_total() -> usize {
    let allowed = cgroup::memory_limit().and_then(|limit| usize::try_from(limit).ok());
    allowed.map_or(DEFAULT_TOTAL, |limit| (limit - limit / 8).max(64 * MIB))
}

/// The configured number, or the default. Too small a number is an error.
fn at_least(key: &str, value: Option<usize>, least: usize, default: usize) -> Result<usize> {
    match value {
        None => Ok(default),
        Some(value) if value >= least => Ok(value),
        Some(value) => bail!("limits_config.{key} is {value}; it needs to be {least} or more"),
    }
}

/// The same for a number that can also be too large.
fn within(key: &str, value: Option<usize>, range: RangeInclusive<usize>, default: usize) -> Result<usize> {
    let value = at_least(key, value, *range.start(), default)?;
    if value > *range.end() {
        bail!("limits_config.{key} is {value}; it can be at most {}", range.end());
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
    fn an_invalid_limit_is_refused_with_its_key() {
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
            ("max_total_memory", "1000000"),
            ("max_crictl_bytes", "0"),
        ] {
            let error = read(key, value).unwrap_err().to_string();
            assert!(error.starts_with(&format!("limits_config.{key} is ")), "{error}");
        }
    }

    #[test]
    fn max_waiting_can_be_0() {
        assert_eq!(read("max_waiting", "0").unwrap().max_waiting, 0);
    }
}
