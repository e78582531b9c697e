//! The systems that the host asks for components: the node, Harbor, and the store for what is kept of both; and the file of images
//! to ignore.

pub mod crictl;
pub mod harbor;
pub mod ignore_file;
pub mod store;

use crictl::Hanging;
use ignore_file::IgnoreFiles;
use store::Stores;

/// What a reload must not lose. The program has one of these for its whole life.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    /// What the host keeps for components.
    pub stores: Stores,
    /// The process of crictl that does not end.
    pub hanging: Hanging,
    /// What was last read of images_to_ignore.txt.
    pub ignore_files: IgnoreFiles,
}
