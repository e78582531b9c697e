//! HTTP as the program speaks it to its clients.
//!
//! - [`server`]: sockets, connections, signals;
//! - [`routes`]: every path, its label and the token it needs;
//! - [`access`]: who may ask, and over what;
//! - [`cache`]: kept answers before the composition;
//! - [`response`]: bodies, problems, the headers of every answer;
//! - [`access_log`]: one request from its head to the last byte of its answer; [`listing_summary`]: what its listing came to;
//! - [`tls`]: trust and certificates, for the listener and for clients of the program;
//! - `file_fingerprint`, `reloadable`: files that count as soon as they change.
//!
//! This crate knows no wasmtime: whatever answers a request implements [`server::Application`].

#![forbid(unsafe_code)]

pub mod access;
pub mod access_log;
pub mod address;
pub mod cache;
mod cache_status;
pub mod conditional;
mod file_fingerprint;
pub mod hex;
pub mod listing_summary;
mod reloadable;
pub mod request_context;
mod request_id;
pub mod response;
pub mod routes;
pub mod server;
pub mod tls;
