//! `node_api`: whether other machines may ask for what crictl says here.

use super::Secret;
use anyhow::{Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    enabled: Option<bool>,
    token_file: Option<PathBuf>,
}

impl Section {
    /// The token of the node API, where it is on.
    pub(super) fn read(self, folder: &Path, warnings: &mut Vec<String>) -> Result<Option<Secret>> {
        if !self.enabled.unwrap_or_default() {
            return Ok(None);
        }
        let Some(path) = self.token_file.filter(|path| !path.as_os_str().is_empty()) else {
            bail!("node_api is enabled without a token_file; name a file that holds the token that clients send");
        };
        let path = folder.join(path);
        let secret = Secret::of_file("node_api.token_file", &path, warnings)?;
        let token = secret.reveal().trim();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            bail!(
                "node_api.token_file {} holds no token: one line of printable ASCII without spaces is needed",
                path.display()
            );
        }
        Ok(Some(Secret::from(token)))
    }
}
