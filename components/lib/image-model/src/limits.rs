//! Bounds that components and the host share.

/// Most images of one node that a listing shows.
pub const MAX_IMAGES: usize = 10_000;

/// Most tags and digests of all images of one node together. Each is a text of its own in several components.
pub const MAX_IMAGE_NAMES: usize = 100_000;

/// Most bytes of a node's answer: of the output of crictl, of the runtime's answer, and of another node's API.
pub const MAX_CRICTL_BYTES: usize = 16 * 1024 * 1024;

/// Most bytes of one answer of Harbor. A larger one is no page of a list.
pub const MAX_HARBOR_BYTES: usize = 32 * 1024 * 1024;
