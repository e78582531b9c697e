//! The systems that the host asks for components: the node, Harbor, and the store for what is kept of both.

pub mod crictl;
pub mod harbor;
pub mod store;

use crictl::Hanging;
use store::Stores;

/// What a reload must not lose. The program has one of these for its whole life.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    /// What the host keeps for components.
    pub stores: Stores,
    /// The process of crictl that does not end.
    pub hanging: Hanging,
}
