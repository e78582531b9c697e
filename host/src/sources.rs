//! The systems that the host asks for components: the node, Harbor, and the kept rows of both.

pub mod crictl;
pub mod harbor;
pub mod snapshots;
