//! The compositions that a command may run.

use crate::composition::Composition;
use anyhow::Result;
use image_service_config::Config;
use std::path::Path;

/// The compositions and components that are built into the program.
#[derive(Clone, Debug)]
pub struct Compositions {
    /// For a node: crictl and settings from this host.
    pub native: Composition,
    /// The same, with the last good rows of a source that fails.
    pub native_last_good: Composition,
    /// Sample data.
    pub demo: Composition,
    /// The components that compositions are made of, by name.
    pub components: &'static [(&'static str, &'static [u8])],
    /// What the program is made of, as CycloneDX JSON.
    pub sbom: &'static str,
}

impl Compositions {
    /// The one to run: the sample data's, else the operator's own where there is one, else the built-in one for a node.
    pub(super) fn choose(&self, demo: bool, own: Option<&Path>, config: &Config) -> Result<Composition> {
        match own {
            _ if demo => Ok(self.demo.clone()),
            Some(path) => Composition::read(path),
            None if config.cache.stale_if_error > 0 => Ok(self.native_last_good.clone()),
            None => Ok(self.native.clone()),
        }
    }
}
