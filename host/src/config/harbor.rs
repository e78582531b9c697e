//! `harbor_config`: which Harbor is asked, and how.

use super::{DEFAULT_TIMEOUT, Secret, seconds};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Harbor answers 422 to more.
const MAX_PAGE_SIZE: usize = 100;
const DEFAULT_CONCURRENCY: usize = 8;

/// Which Harbor is asked, and how.
#[derive(Clone, Debug)]
pub struct Harbor {
    /// Its address; empty when there is no Harbor.
    pub url: String,
    /// Who logs in.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// The one project to list; empty for all.
    pub project: String,
    /// Rows asked for at a time, 1 to 100.
    pub page_size: usize,
    /// Whether Harbor's certificate has to be trusted.
    pub verify_ssl: bool,
    /// Certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Requests under way at a time.
    pub max_concurrency: usize,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Harbor {
    /// Whether url, user and password are all there.
    pub fn is_complete(&self) -> bool {
        !self.url.is_empty() && !self.user.is_empty() && !self.password.is_empty()
    }

    /// Whether none of the three is: no Harbor is meant to be listed.
    pub fn is_unset(&self) -> bool {
        self.url.is_empty() && self.user.is_empty() && self.password.is_empty()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    url: Option<String>,
    #[serde(alias = "username")]
    user: Option<String>,
    password: Option<Secret>,
    project_name: Option<String>,
    page_size: Option<usize>,
    verify_ssl: Option<bool>,
    ca_file: Option<PathBuf>,
    max_concurrency: Option<usize>,
    timeout: Option<f64>,
}

impl Section {
    pub(super) fn read(self, folder: &Path, warnings: &mut Vec<String>) -> Result<Harbor> {
        let url = self.url.unwrap_or_default().trim().to_owned();
        if !url.is_empty() {
            // What may hold a login is not repeated.
            let shown = if url.contains('@') { String::new() } else { format!(" {url:?}") };
            crate::outbound::Origin::of(&url).with_context(|| format!("harbor_config.url{shown}"))?;
        }
        let page_size = match self.page_size.unwrap_or(MAX_PAGE_SIZE) {
            0 => bail!("harbor_config.page_size is 0; it can be 1 to {MAX_PAGE_SIZE}"),
            size if size > MAX_PAGE_SIZE => {
                warnings.push(format!(
                    "harbor_config.page_size is {size}, more than Harbor answers; {MAX_PAGE_SIZE} is used instead"
                ));
                MAX_PAGE_SIZE
            }
            size => size,
        };
        let max_concurrency = self.max_concurrency.unwrap_or(DEFAULT_CONCURRENCY);
        if max_concurrency == 0 {
            bail!("harbor_config.max_concurrency is 0; it needs to be 1 or more");
        }
        Ok(Harbor {
            url,
            user: self.user.unwrap_or_default(),
            password: self.password.unwrap_or_default(),
            project: self.project_name.unwrap_or_default(),
            page_size,
            verify_ssl: self.verify_ssl.unwrap_or(true),
            ca_file: self.ca_file.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
            max_concurrency,
            timeout: seconds("harbor_config.timeout", self.timeout, DEFAULT_TIMEOUT)?,
        })
    }
}
