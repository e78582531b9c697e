//! The native host of Image Service: grants a composition of components its capabilities, and serves it over HTTP.
//!
//! - [`cli`]: the commands;
//! - [`app`]: routes requests to the parts of the host;
//! - [`runtime`]: the engine, and the instances that answer requests;
//! - [`sources`]: the node and Harbor, as components may ask them;
//! - [`allocator`]: how much memory the program has;
//! - [`composition`]: the bytes of a composed component, and the code that the engine runs;
//! - `first_listing`: requests that need the same listing wait for one;
//! - `joined`: one question for all who ask it at the same time;
//! - [`lasting`]: what outlives a reload of the configuration;
//! - `node_api`, `openapi`, `readiness`: answers of the host itself;
//! - `verdict_refresh`: the program's own looks at how nodes and Harbor compare.
//!
//! It uses the crates for the configuration, for HTTP, and for telemetry.

#![forbid(unsafe_code)]

pub mod allocator;
pub mod app;
pub mod cli;
pub mod composition;
mod error_chain;
mod first_listing;
mod joined;
pub mod lasting;
mod node_api;
mod openapi;
mod readiness;
pub mod runtime;
pub mod sources;
mod verdict_refresh;
