//! The compositions that commands can run.

use crate::composition::Composition;
use anyhow::Result;
use image_service_config::Config;
use std::path::Path;

/// The compositions and components that the program embeds.
#[derive(Clone, Debug)]
pub struct Compositions {
    /// For a node: crictl and settings from this host.
    pub native: Composition,
    /// The same, which shows the last good rows of a failing source.
    pub native_stale_if_error: Composition,
    /// Sample data.
    pub demo: Composition,
    /// The components that compositions consist of, by name.
    pub components: &'static [(&'static str, &'static [u8])],
    /// The crates of the program, as CycloneDX JSON.
    pub sbom: &'static str,
}

impl Compositions {
    /// The composition to run: the sample data with `demo`, else the operator's `own`, else the built-in one for a node.
    pub(super) fn choose(&self, demo: bool, own: Option<&Path>, config: &Config) -> Result<Composition> {
        match own {
            _ if demo => Ok(self.demo.clone()),
            Some(path) => Composition::read(path),
            None if config.cache.stale_if_error > 0 => Ok(self.native_stale_if_error.clone()),
            None => Ok(self.native.clone()),
        }
    }
}
