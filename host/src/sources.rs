//! The systems that the host asks for components: the node, Harbor, and the store for what is kept of both; and the file of images
//! to ignore.

pub mod crictl;
pub mod harbor;
pub mod ignore_file;
pub mod store;

use crictl::{Crictl, Hanging};
use harbor::HarborClient;
use ignore_file::IgnoreFiles;
use image_service_http::shared::Shared;
use store::Stores;

/// What a reload must not lose. The program has one of these for its whole life.
#[derive(Default)]
pub struct Lasting {
    /// What the host keeps for components.
    pub stores: Stores,
    /// The process of crictl that does not end.
    pub hanging: Hanging,
    /// What was last read of images_to_ignore.txt.
    pub ignore_files: IgnoreFiles,
    /// The ways to the node in use.
    pub crictl: Shared<Crictl>,
    /// The clients of Harbor in use, with their connections.
    pub harbor: Shared<HarborClient>,
}
