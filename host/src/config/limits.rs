//! `limits_config`: what nobody may go beyond, whether client, component or source.

use super::seconds;
use anyhow::{Result, bail};
use serde::Deserialize;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// What nobody may go beyond.
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
    /// Bytes of memory that an instance of a composition may have.
    pub max_memory: usize,
    /// Bytes of one answer of Harbor.
    pub max_upstream_bytes: usize,
    /// Requests to Harbor under way at a time, of all instances.
    pub max_upstream_requests: usize,
    /// Bytes that crictl may print, and of an answer over the runtime's socket.
    pub max_crictl_bytes: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    max_connections: Option<usize>,
    max_header_bytes: Option<usize>,
    header_timeout: Option<f64>,
    client_timeout: Option<f64>,
    max_requests: Option<usize>,
    max_waiting: Option<usize>,
    max_memory: Option<usize>,
    max_upstream_bytes: Option<usize>,
    max_upstream_requests: Option<usize>,
    max_crictl_bytes: Option<usize>,
}

impl Section {
    pub(super) fn read(self) -> Result<Limits> {
        Ok(Limits {
            max_connections: at_least("max_connections", self.max_connections, 1, 1024)?,
            // hyper needs room for a line and a few headers.
            max_header_bytes: at_least("max_header_bytes", self.max_header_bytes, 8192, 16 * 1024)?,
            header_timeout: seconds("limits_config.header_timeout", self.header_timeout, 10.0)?,
            client_timeout: seconds("limits_config.client_timeout", self.client_timeout, 30.0)?,
            max_requests: at_least("max_requests", self.max_requests, 1, 64)?,
            max_waiting: at_least("max_waiting", self.max_waiting, 0, 256)?,
            // Less than an empty composition's memory can't be run.
            max_memory: at_least("max_memory", self.max_memory, 2 * MIB, 256 * MIB)?,
            max_upstream_bytes: at_least("max_upstream_bytes", self.max_upstream_bytes, 1, 32 * MIB)?,
            max_upstream_requests: at_least("max_upstream_requests", self.max_upstream_requests, 1, 64)?,
            max_crictl_bytes: at_least("max_crictl_bytes", self.max_crictl_bytes, 1, 16 * MIB)?,
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
