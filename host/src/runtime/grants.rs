//! What every instance is granted: the node, Harbor and settings, as the configuration says.

use crate::config::{Config, Limits};
use crate::crictl::Crictl;
use crate::outbound::Outbound;
use crate::snapshots::Snapshots;
use anyhow::Result;
use std::sync::Arc;

/// What is granted to every instance.
pub(super) struct Grants {
    config: Config,
    pub(super) crictl: Arc<Crictl>,
    pub(super) outbound: Outbound,
    pub(super) snapshots: Snapshots,
}

impl Grants {
    /// What this configuration grants; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the way to Harbor or the folder for what is kept can't be prepared.
    pub(super) fn new(config: Config, crictl: Arc<Crictl>) -> Result<Self> {
        let (outbound, snapshots) = (Outbound::new(&config.harbor, &config.limits)?, Snapshots::new(&config)?);
        Ok(Self { outbound, snapshots, crictl, config })
    }

    /// Bytes that a component may hand to the host to be kept.
    pub(super) fn max_kept(&self) -> usize {
        self.config.cache.max_stale_bytes
    }

    /// What instances may not go beyond.
    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The answer to a key of the interface `settings`; wit/inventory.wit has their table.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        let harbor = &self.config.harbor;
        match key {
            "harbor-url" => Some(harbor.url.clone()),
            // The password stays here; whether there is a login shows in who adds it.
            "harbor-auth" => harbor.is_complete().then(|| "host".to_owned()),
            "harbor-project" => Some(harbor.project.clone()),
            "harbor-page-size" => Some(harbor.page_size.to_string()),
            "harbor-max-concurrency" => Some(harbor.max_concurrency.to_string()),
            "harbor-listing-timeout" => Some(harbor.listing_timeout.as_secs_f64().to_string()),
            "images-to-ignore" => self.images_to_ignore(),
            "images-to-ignore-name" => Some(self.config.crictl.ignore_file.display().to_string()),
            "cache-control" => self.config.cache.control(),
            "stale-if-error" => Some(self.config.cache.stale_if_error.to_string()),
            "stale-max-bytes" => Some(self.config.cache.max_stale_bytes.to_string()),
            "json-pretty" => Some(self.config.app.pretty.to_string()),
            _ => None,
        }
    }

    /// Read anew for every request, so that an edit counts from the next one on.
    fn images_to_ignore(&self) -> Option<String> {
        let path = &self.config.crictl.ignore_file;
        match std::fs::read(path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "{} can't be read; nothing is left out", path.display());
                None
            }
        }
    }
}
