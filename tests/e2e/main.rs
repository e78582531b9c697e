//! The real program against everything around it: one file an area, one sentence a test. `listing` has what tests of
//! several areas assert.

#![forbid(unsafe_code)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "no time comes from outside, and a test that panics fails"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by panicking")]

mod bad_network;
mod behind_nginx;
mod browser;
mod browsers;
mod cache;
mod check;
mod clock;
mod commands;
mod compare;
mod component_imports;
mod compose;
mod concurrency;
mod config;
mod connections;
mod containerd;
mod cri_socket;
mod crictl;
mod crictl_faults;
mod demo;
mod deploy;
mod documented_commands;
mod environments;
mod example_registry;
mod failing_sources;
mod generated_code;
mod hanging_disks;
mod harbor;
mod harbor_double;
mod harbor_faults;
mod harbor_memory;
mod harbor_reports;
mod harbor_tls;
mod health;
mod http;
mod ignore_list;
mod inspect;
mod inventory;
mod kept_rows;
mod large_registry;
mod limits;
mod list;
mod listener_tls;
mod listening;
mod listing;
mod listing_timeout;
mod login;
mod logs;
mod many_connections;
mod memory;
mod metrics;
mod misbehaving;
mod monitoring;
mod no_harbor;
mod node_api;
mod openapi;
mod operators_files;
mod page;
mod properties;
mod proxies;
mod real_peers;
mod reload;
mod reload_storm;
mod retries;
mod runtimes;
mod sandbox;
mod sbom;
mod secrets;
mod service_manager;
mod shutdown;
mod spin_manifest;
mod stale_if_error;
mod start_listing;
mod store;
mod sudo_real;
mod times;
mod tokens;
mod traces;
mod troubleshooting;
mod unsafe_code;
mod verdicts_real;
