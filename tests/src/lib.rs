//! What the end-to-end tests stand on: the real program as a process on a node that a builder makes, and doubles of all that
//! is around it.

#![forbid(unsafe_code)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "no time comes from outside, and a test that panics fails"
)]

pub mod artifacts;
mod browser;
mod cgroup;
mod client;
mod collector;
pub mod command;
mod connect_proxy;
mod connection;
mod containerd;
mod cri;
mod debian;
mod docker_registry;
mod foreign_host;
mod gate;
mod go;
pub mod harbor;
mod launch;
mod nginx;
mod node;
pub mod oci;
mod open_files;
mod other_server;
mod pip;
pub mod program;
mod prometheus;
mod promtool;
mod proxy;
mod raw_client;
mod schemathesis;
mod server;
mod settable_clock;
mod stock_host;
mod timing;
pub mod tls;
mod wait;
mod web_site;

pub use artifacts::{component, composition, example, fixture, repository, target, test_component};
pub use browser::{Browser, Element, Key, Media, Report, Violation};
pub use cgroup::Cgroup;
pub use client::{Client, Response};
pub use collector::{Collected, CollectedSpan, Collector};
pub use command::{Outcome, run};
pub use connect_proxy::{ConnectProxy, ConnectProxyRules};
pub use connection::{http1, http2};
pub use containerd::Containerd;
pub use cri::{Cri, CriAnswer, CriImage, ListImages};
pub use debian::{leave_out, skip, sudo};
pub use docker_registry::DockerRegistry;
pub use foreign_host::ForeignHost;
pub use gate::Gate;
pub use go::crictl;
pub use harbor::{Artifact, Artifacts, Fault, Harbor, HarborBuilder, HarborRequest, Version};
pub use launch::Launch;
pub use nginx::Nginx;
pub use node::{NO_IMAGES, Node, NodeBuilder, node_row, numbered_images};
pub use open_files::raise_open_files;
pub use other_server::OtherServer;
pub use program::{Program, Usage};
pub use prometheus::Metrics;
pub use promtool::Promtool;
pub use proxy::{Direction, NetworkFault, Proxy};
pub use raw_client::RawClient;
pub use schemathesis::schemathesis;
pub use settable_clock::SettableClock;
pub use stock_host::StockHost;
pub use timing::measure_this_test;
pub use tls::Authority;
pub use wait::{DEADLINE, eventually, is_pending, within_deadline};
pub use web_site::WebSite;
