//! `cache_config`: how long the cache serves an answer, and how long the rows of a failing source stay in listings.

use crate::regular_file;
use crate::seconds::Seconds;
use serde::Deserialize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The default of `lifetime`, in seconds.
const DEFAULT_LIFETIME: u32 = 5;
/// The default of both sizes in bytes: twice the answer of a registry with 100,000 tags.
const DEFAULT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// All rights of the group and of others, and those to write.
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

/// The default of `max_store_file`.
const DEFAULT_STORE_FILE: u64 = 1024 * 1024 * 1024;

/// The default of `max_store_memory`: the last good rows of two sources, each beside those that take their place, with the room
/// of a commit.
fn default_store_memory(max_stale_bytes: usize) -> usize {
    const COMMIT_BYTES: usize = 8 * 1024 * 1024;
    max_stale_bytes.saturating_mul(4).saturating_add(COMMIT_BYTES)
}

/// Lifetimes and sizes of the cache and of stale rows.
#[derive(Clone, Debug, PartialEq)]
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
    /// The folder whose file keeps what the store holds while the program does not run.
    pub state_dir: Option<PathBuf>,
    /// Bytes of all that the store holds in memory.
    pub max_store_memory: usize,
    /// Most bytes of the store's file in `state_dir`.
    pub max_store_file: u64,
}

impl Cache {
    /// The `Cache-Control` of answers; `None` without a cache.
    pub fn control(&self) -> Option<String> {
        let Self { lifetime, stale_while_revalidate, .. } = self;
        (*lifetime > 0).then(|| format!("max-age={lifetime}, stale-while-revalidate={stale_while_revalidate}"))
    }

    /// Who else could read what the store keeps, as a sentence. Where others may write it, the program does not start.
    pub fn danger(&self) -> Option<String> {
        let folder = self.state_dir.as_ref()?;
        let mode = regular_file::metadata(folder).ok()?.mode() & 0o7777;
        let shown = folder.display();
        (mode & OTHERS != 0 && mode & OTHERS_WRITE == 0)
            .then(|| format!("other users of this machine can open {shown} (mode {mode:04o}); chmod 700 {shown}"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    lifetime: Option<Seconds>,
    stale_while_revalidate: Option<Seconds>,
    max_bytes: Option<usize>,
    stale_if_error: Option<Seconds>,
    max_stale_bytes: Option<usize>,
    state_dir: Option<PathBuf>,
    max_store_memory: Option<usize>,
    max_store_file: Option<u64>,
}

impl Section {
    pub(crate) fn read(self, folder: &Path) -> Cache {
        let seconds = |configured: Option<Seconds>| configured.map(|Seconds(seconds)| seconds);
        let lifetime = seconds(self.lifetime).unwrap_or(DEFAULT_LIFETIME);
        let max_stale_bytes = self.max_stale_bytes.unwrap_or(DEFAULT_MAX_BYTES);
        Cache {
            lifetime,
            stale_while_revalidate: seconds(self.stale_while_revalidate).unwrap_or(lifetime),
            max_bytes: self.max_bytes.unwrap_or(DEFAULT_MAX_BYTES),
            stale_if_error: seconds(self.stale_if_error).unwrap_or_default(),
            max_stale_bytes,
            state_dir: self.state_dir.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path)),
            max_store_memory: self.max_store_memory.unwrap_or_else(|| default_store_memory(max_stale_bytes)),
            max_store_file: self.max_store_file.unwrap_or(DEFAULT_STORE_FILE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Result;

    fn read(key: &str, value: &str) -> Result<Cache> {
        let text = format!(r#"{{"cache_config": {{"{key}": {value}}}}}"#);
        Ok(crate::parse(&text, Path::new("/etc/image-service"))?.0.cache)
    }

    #[test]
    fn a_lifetime_that_is_no_whole_number_of_seconds_is_refused_with_what_is_allowed() {
        for key in ["lifetime", "stale_while_revalidate", "stale_if_error"] {
            for (value, shown) in [
                ("-1", "value: -1"),
                ("4294967296", "value: 4294967296"),
                ("18446744073709551616", "value: 1.8446744073709552e+19"),
                ("1e19", "value: 1e+19"),
                ("1.5", "value: 1.5"),
                ("\"soon\"", "type: the text \"soon\""),
            ] {
                let error = read(key, value).unwrap_err().to_string();
                let expected = "a whole number of seconds from 0 to 4294967295";
                assert!(
                    error.starts_with(&format!("cache_config.{key}: invalid {shown}, expected {expected}")),
                    "{error}"
                );
            }
        }
        assert_eq!(read("stale_if_error", "4294967295").unwrap().stale_if_error, u32::MAX);
        assert_eq!(read("lifetime", "null").unwrap().lifetime, 5);
    }
}
