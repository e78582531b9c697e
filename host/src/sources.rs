//! The systems that the host asks for components: the node, Harbor, and the store for what is kept of both.

pub mod crictl;
pub mod harbor;
pub mod store;
