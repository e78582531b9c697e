//! The outside systems that the host asks for components: the node, Harbor, and what was kept of both.

pub mod crictl;
pub mod harbor;
pub mod snapshots;
