//! The answer of the node.

use image_model::types::Image;
use std::sync::Arc;

/// The answer of the node. Those who waited for the same process share it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// All its images.
    pub images: Arc<Vec<Image>>,
    /// The way that the program asked it, such as `the socket /run/containerd/containerd.sock`.
    pub way: String,
}
