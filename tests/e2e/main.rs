//! The real program over HTTP, one sentence a test.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by panicking")]

mod access;
mod audit;
mod budget;
mod cache;
mod commands;
mod compose;
mod config;
mod connections;
mod containerd;
mod crictl_faults;
mod demo;
mod deploy;
mod environments;
mod example_registry;
mod harbor_double;
mod harbor_faults;
mod health;
mod http;
mod last_good;
mod lifecycle;
mod limits;
mod listener_tls;
mod logs;
mod metrics;
mod misbehaving;
mod monitoring;
mod node;
mod node_api;
mod openapi;
mod properties;
mod registry;
mod reload;
mod retries;
mod sandbox;
mod scale;
mod secrets;
mod service_manager;
mod socket;
mod socket_activation;
mod spin_manifest;
mod supply_chain;
mod tls;
mod traces;
mod unsafe_code;
mod wire;
