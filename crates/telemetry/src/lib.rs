//! Everything that the program reports about itself: logs, metrics, traces, and the health of each source.
//!
//! - [`log`]: log lines for people, programs and the journal;
//! - [`seldom`]: lines of it that clients can cause as often as they like;
//! - [`metrics`]: counters and gauges, as Prometheus reads them;
//! - [`panics`]: bugs that panic, which cost one request or one source;
//! - [`trace_context`]: the trace that a request belongs to;
//! - [`spans`]: timed parts of requests, for a collector of traces; [`otlp`]: sends them there;
//! - [`source`]: the sources of images, and the kinds of their failures; [`source_health`]: when each source answered and
//!   failed last; [`moment`]: the clock that ages come from.
//!
//! This crate knows neither wasmtime nor an HTTP server. Other code reports events to it; this crate never calls other code.

#![forbid(unsafe_code)]

pub mod failure_log;
pub mod log;
pub mod metrics;
pub mod moment;
pub mod otlp;
pub mod panics;
pub mod seldom;
pub mod source;
pub mod source_health;
pub mod spans;
pub mod trace_context;

/// The name of the program in spans and logs.
pub(crate) const PROGRAM: &str = "image-service";
