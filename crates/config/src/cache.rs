//! `cache_config`: how long the cache serves an answer, and how long the rows of a failing source stay in listings.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The default of `lifetime`, in seconds.
const DEFAULT_LIFETIME: u32 = 5;
/// The default of both sizes in bytes: twice the answer of a registry with 100,000 tags.
const DEFAULT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Lifetimes and sizes of the cache and of stale rows.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Seconds that an answer is fresh; 0 turns the cache off.
    pub lifetime: u32,
    /// Seconds after that in which the cache still serves it, while it fetches a newer one.
    pub stale_while_revalidate: u32,
    /// Bytes of all kept answers.
    pub max_bytes: usize,
    /// Seconds for which a listing shows the last good rows of a failing source; 0 for never.
    pub stale_if_error: u32,
    /// Bytes of the last good rows of one source.
    pub max_stale_bytes: usize,
    /// The folder that keeps these rows while the program does not run.
    pub state_dir: Option<PathBuf>,
}

impl Cache {
    /// The `Cache-Control` of answers; `None` without a cache.
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
            max_bytes: self.max_bytes.unwrap_or(DEFAULT_MAX_BYTES),
            stale_if_error: self.stale_if_error.unwrap_or_default(),
            max_stale_bytes: self.max_stale_bytes.unwrap_or(DEFAULT_MAX_BYTES),
            state_dir: self.state_dir.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
        }
    }
}
