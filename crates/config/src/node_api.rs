//! `node_api`: whether other machines may ask for the images of this node.

use anyhow::{Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    enabled: Option<bool>,
    token_file: Option<PathBuf>,
}

impl Section {
    /// The file with the tokens of the node API, where it is on.
    pub(crate) fn read(self, folder: &Path) -> Result<Option<PathBuf>> {
        if !self.enabled.unwrap_or_default() {
            return Ok(None);
        }
        let Some(path) = self.token_file.filter(|path| !path.as_os_str().is_empty()) else {
            bail!("node_api is enabled without a token_file; name a file with the tokens of clients");
        };
        Ok(Some(folder.join(path)))
    }
}
