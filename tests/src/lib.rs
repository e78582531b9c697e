//! What the end-to-end tests stand on: the real program as a process, and a Harbor double.

mod harbor;
mod program;
mod stranger;
mod tls;

pub use harbor::{Artifact, Artifacts, Asked, Fault, Harbor, HarborBuilder, Version};
pub use program::Program;
pub use stranger::Stranger;
pub use tls::Authority;
