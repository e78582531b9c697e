//! The HTTP server of the program: connections, access control, cache, log lines.
//!
//! - [`server`]: sockets, connections, signals;
//! - [`routes`]: every path, its label and the token it needs;
//! - [`access`]: which clients may send requests, and how;
//! - [`cache`]: kept answers, in front of the composition;
//! - [`response`]: bodies, problems, the headers of every answer;
//! - [`access_log`]: one request from its head to the last byte of its answer; [`listing_summary`]: the counts of its
//!   listing; [`verdict_header`]: the counts of its verdicts;
//! - [`tls`]: trust and certificates, for the listener and for clients of the program;
//! - `client`: which connections are those of one client;
//! - `reloadable`: files that the program reads again when they change; [`shared`]: what a reload makes nothing anew of.
//!
//! This crate knows no wasmtime: the application that answers requests implements [`server::Application`].

#![forbid(unsafe_code)]

pub mod access;
pub mod access_log;
pub mod address;
pub mod cache;
mod cache_status;
mod client;
pub mod conditional;
pub mod listing_summary;
mod reloadable;
pub mod request_context;
mod request_id;
pub mod response;
pub mod routes;
pub mod server;
pub mod shared;
pub mod tls;
pub mod verdict_header;
