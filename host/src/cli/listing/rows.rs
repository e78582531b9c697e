//! The rows of the answer of GET /images, and who takes them.

use anyhow::Result;
use serde::Deserialize;

/// A row of `containerd_images`.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct NodeImage {
    pub(in crate::cli) image_id: String,
    pub(in crate::cli) repository: String,
    pub(in crate::cli) size: String,
    pub(in crate::cli) tag: String,
}

/// A row of `harbor_images`.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct RegistryImage {
    pub(in crate::cli) digest: String,
    pub(in crate::cli) project: String,
    pub(in crate::cli) repository: String,
    pub(in crate::cli) size: String,
    pub(in crate::cli) tag: String,
}

/// A row of `errors`.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Failure {
    pub(in crate::cli) source: String,
    pub(in crate::cli) repository: Option<String>,
    pub(in crate::cli) error: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.repository {
            Some(repository) => write!(f, "{}: {repository}: {}", self.source, self.error),
            None => write!(f, "{}: {}", self.source, self.error),
        }
    }
}

/// Takes a listing as it arrives.
pub(in crate::cli) trait Sink: Send + 'static {
    /// Takes bytes of the answer, before the rows in them.
    fn bytes(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Takes a row of the node.
    fn node(&mut self, row: NodeImage) -> Result<()>;

    /// Takes a row of the registry.
    fn registry(&mut self, row: RegistryImage) -> Result<()>;
}
