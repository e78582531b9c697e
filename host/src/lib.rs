//! The native host of Image Service: grants a composition of components what it needs and serves its HTTP.
//!
//! - [`config`]: config.json, where it is found and what it means;
//! - `content`: bodies of answers;
//! - [`crictl`]: the capability to ask the node's container runtime;
//! - [`outbound`]: the capability to ask the configured Harbor;
//! - [`composition`]: from a composed component's bytes to what the engine runs;
//! - [`runtime`]: the engine and the instances that answer requests;
//! - [`app`]: what answers requests: the composition, and the host's own routes, among them the node API;
//! - `access`: who may ask, and over what;
//! - [`server`]: the listener;
//! - [`telemetry`]: what it tells of itself: logs, metrics, traces;
//! - [`cli`]: the commands.

#![forbid(unsafe_code)]

mod access;
pub mod app;
mod cache;
mod cause;
pub mod cli;
pub mod composition;
pub mod config;
mod content;
pub mod crictl;
mod health;
mod node_api;
mod notify;
mod openapi;
pub mod outbound;
mod problem;
pub mod runtime;
pub mod server;
mod snapshots;
mod stamp;
pub mod telemetry;
