//! The native host of Image Service: grants a composition of components what it needs, and serves its HTTP.
//!
//! - [`cli`]: the commands;
//! - [`app`]: which part of the host answers a request;
//! - [`runtime`]: the engine, and the instances that answer requests;
//! - [`sources`]: the node and Harbor, as components may ask them;
//! - [`composition`]: from a composed component's bytes to code that the engine runs;
//! - `node_api`, `openapi`, `readiness`: answers of the host itself.
//!
//! Below it stand the crates for the configuration, for HTTP, and for telemetry.

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod composition;
mod error_chain;
mod node_api;
mod openapi;
mod readiness;
pub mod runtime;
pub mod sources;
