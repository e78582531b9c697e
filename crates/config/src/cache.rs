//! `cache_config`: how long answers are given out again, and rows when their source fails.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Seconds.
const DEFAULT_LIFETIME: u32 = 5;
/// Twice the answer of a registry with 100,000 tags.
const DEFAULT_CACHE: usize = 32 * 1024 * 1024;

/// How long answers are given out again.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Seconds that an answer is good; 0 for no cache.
    pub lifetime: u32,
    /// Seconds that it is given out after that, while a newer one is fetched.
    pub stale_while_revalidate: u32,
    /// Bytes of all answers that are kept.
    pub max_bytes: usize,
    /// Seconds for which the last good rows of a source that fails are given out; 0 for never.
    pub stale_if_error: u32,
    /// Bytes of the last good rows of one source.
    pub max_stale_bytes: usize,
    /// The folder that keeps them while the program does not run.
    pub state_dir: Option<PathBuf>,
}

impl Cache {
    /// The answer's `Cache-Control`; nothing where there is no cache.
    pub fn control(&self) -> Option<String> {
        let Self { lifetime, stale_while_revalidate, .. } = self;
        (*lifetime > 0).then(|| format!("max-age={lifetime}, stale-while-revalidate={stale_while_revalidate}"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    lifetime: Option<u32>,
    stale_while_revalidate: Option<u32>,
    max_bytes: Option<usize>,
    stale_if_error: Option<u32>,
    max_stale_bytes: Option<usize>,
    state_dir: Option<PathBuf>,
}

impl Section {
    pub(crate) fn read(self, folder: &Path) -> Cache {
        let lifetime = self.lifetime.unwrap_or(DEFAULT_LIFETIME);
        Cache {
            lifetime,
            stale_while_revalidate: self.stale_while_revalidate.unwrap_or(lifetime),
            max_bytes: self.max_bytes.unwrap_or(DEFAULT_CACHE),
            stale_if_error: self.stale_if_error.unwrap_or_default(),
            max_stale_bytes: self.max_stale_bytes.unwrap_or(DEFAULT_CACHE),
            state_dir: self.state_dir.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
        }
    }
}
