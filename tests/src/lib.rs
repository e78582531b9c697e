//! What the end-to-end tests stand on: the real program as a process, and a Harbor double.

#![forbid(unsafe_code)]

mod collector;
mod containerd;
mod cri;
mod debian;
mod docker_registry;
mod foreign_host;
mod harbor;
mod node;
pub mod oci;
mod program;
mod promtool;
mod proxy;
mod raw;
mod schemathesis;
mod stock_host;
mod stranger;
mod tls;

pub use collector::{Collected, CollectedSpan, Collector};
pub use containerd::Containerd;
pub use cri::{Cri, CriAnswer, CriImage, ListImages};
pub use debian::skip;
pub use docker_registry::DockerRegistry;
pub use foreign_host::ForeignHost;
pub use harbor::{Artifact, Artifacts, Asked, Fault, Harbor, HarborBuilder, Version};
pub use node::Node;
pub use program::{Program, component, composition, example, target, test_component};
pub use promtool::Promtool;
pub use proxy::{Proxy, Way, Wire};
pub use raw::Raw;
pub use schemathesis::schemathesis;
pub use stock_host::StockHost;
pub use stranger::Stranger;
pub use tls::Authority;
