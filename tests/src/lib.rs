//! What the end-to-end tests stand on: the real program as a process, and a Harbor double.

mod harbor;
mod program;

pub use harbor::{Harbor, Version};
pub use program::Program;
