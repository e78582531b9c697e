//! Bounds that components and the host share.

/// Images of one node that are listed at most.
pub const MAX_IMAGES: usize = 10_000;

/// Bytes of a node's answer: what crictl may print, what the runtime may send, and what another node's API may send.
pub const MAX_CRICTL_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of one answer of Harbor. A larger one is no page of a list.
pub const MAX_HARBOR_BYTES: usize = 32 * 1024 * 1024;
