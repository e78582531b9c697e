//! Everything the program reports about itself: logs, metrics, traces, and how each source stands.
//!
//! - [`log`]: log lines for people, programs and the journal;
//! - [`metrics`]: counters and gauges, as Prometheus reads them;
//! - [`trace_context`]: the trace a request belongs to;
//! - [`spans`]: what took how long, for a collector of traces; [`otlp`]: how spans get there;
//! - [`source`]: the sources of images, and the kinds of their failures; [`source_health`]: when each source answered and failed last.
//!
//! This crate knows neither wasmtime nor an HTTP server. Business code tells it what happened; it never asks.

#![forbid(unsafe_code)]

pub mod log;
pub mod metrics;
pub mod otlp;
pub mod source;
pub mod source_health;
pub mod spans;
pub mod trace_context;

/// The name of the program in spans and logs.
pub(crate) const PROGRAM: &str = "image-service";
