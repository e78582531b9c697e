//! The last good rows of each source: in memory and, where a folder is configured, in files that outlive the program.
//!
//! The key of rows is a digest of the component's name for them and of the configured source. So another Harbor, user or
//! project never gets these rows, and no name leads outside the folder.

mod file;
mod snapshot;

use anyhow::{Context, Result};
use image_service_config::Config;
use sha2::{Digest, Sha256};
use snapshot::{Key, Snapshot};
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Most names with kept rows: there are two sources, and an operator's composition may have more.
const MAX_SNAPSHOTS: usize = 4;

/// Rows in memory. The program has one for its whole life, because a reload must not lose the rows.
#[derive(Clone, Debug, Default)]
pub struct SnapshotMemory(Arc<Mutex<HashMap<Key, Snapshot>>>);

impl SnapshotMemory {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a snapshot. Drops the oldest one where there are too many.
    fn keep(&self, key: Key, snapshot: Snapshot) {
        let mut kept = self.lock();
        kept.insert(key, snapshot);
        while kept.len() > MAX_SNAPSHOTS {
            let Some(oldest) = kept.iter().min_by_key(|(_, snapshot)| snapshot.taken).map(|(key, _)| *key) else {
                return;
            };
            kept.remove(&oldest);
        }
    }
}

/// The store of kept rows.
pub(crate) struct Snapshots {
    /// A digest of the configured sources.
    identity: Key,
    max_bytes: usize,
    folder: Option<PathBuf>,
    memory: SnapshotMemory,
    /// The keys of unreadable files that the log has already reported.
    reported: Mutex<HashSet<Key>>,
}

impl Snapshots {
    /// Prepares the folder, where one is configured.
    ///
    /// # Errors
    ///
    /// When the folder can't be made or written.
    pub(crate) fn new(config: &Config, memory: SnapshotMemory) -> Result<Self> {
        let folder = config.cache.state_dir.clone().filter(|_| config.cache.stale_if_error > 0);
        if let Some(folder) = &folder {
            prepare(folder).with_context(|| {
                let folder = folder.display();
                format!("cache_config.state_dir {folder} can't be written; is it a folder of the user that runs this program?")
            })?;
        }
        Ok(Self {
            identity: identity(config),
            max_bytes: config.cache.max_stale_bytes,
            folder,
            memory,
            reported: Mutex::default(),
        })
    }

    fn key(&self, name: &str) -> Key {
        Sha256::new().chain_update(self.identity).chain_update(name).finalize().into()
    }

    /// The latest rows under this name.
    pub(crate) async fn load(&self, name: &str) -> Option<Snapshot> {
        let key = self.key(name);
        if let Some(snapshot) = self.memory.lock().get(&key) {
            return Some(snapshot.clone());
        }
        let (path, max_bytes) = (file::path(self.folder.as_ref()?, &key), self.max_bytes);
        let read = tokio::task::spawn_blocking(move || (file::read(&path, &key, max_bytes), path));
        match read.await.ok()? {
            (Ok(snapshot), _) => {
                let snapshot = snapshot?;
                self.memory.keep(key, snapshot.clone());
                Some(snapshot)
            }
            (Err(error), path) => {
                // Reported once, because the file stays as it is until new rows replace it.
                if self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                    tracing::warn!("the program does not use {}: {error:#}", path.display());
                }
                None
            }
        }
    }

    /// Keeps rows under this name, in place of earlier ones.
    pub(crate) async fn save(&self, name: &str, bytes: Vec<u8>) {
        if bytes.len() > self.max_bytes {
            let limit = self.max_bytes;
            tracing::warn!(
                "the host does not keep the rows of {name}, as they take more than {limit} bytes (cache_config.max_stale_bytes)"
            );
            return;
        }
        let key = self.key(name);
        let snapshot = Snapshot { taken: SystemTime::now(), bytes: bytes.into() };
        self.memory.keep(key, snapshot.clone());
        let Some(folder) = self.folder.clone() else { return };
        let shown = folder.display().to_string();
        let written = tokio::task::spawn_blocking(move || file::write(&folder, &key, &snapshot)).await;
        match written.map_err(anyhow::Error::from).flatten() {
            Ok(()) => {}
            Err(error) => tracing::warn!("the rows of {name} can't be kept in {shown}: {error:#}"),
        }
    }
}

/// Creates the folder if it is missing, and tries to write a file.
fn prepare(folder: &Path) -> Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    tempfile::NamedTempFile::new_in(folder)?;
    Ok(())
}

/// A digest of the configured sources.
fn identity(config: &Config) -> Key {
    let (harbor, crictl) = (&config.harbor, &config.crictl);
    let sources = format!(
        "{:?}",
        (
            &harbor.url,
            &harbor.user,
            &harbor.project,
            crictl.mode,
            &crictl.endpoint,
            &crictl.command,
            &config.composition
        )
    );
    Sha256::digest(sources).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_config::parse;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn snapshots(folder: &Path, harbor: serde_json::Value) -> Snapshots {
        let config = json!({
            "harbor_config": harbor,
            "cache_config": {"stale_if_error": 60, "state_dir": folder.join("state"), "max_stale_bytes": 1000},
        });
        Snapshots::new(&parse(&config.to_string(), folder).unwrap().0, SnapshotMemory::default()).unwrap()
    }

    /// A Harbor of one test only.
    fn harbor(name: &str) -> serde_json::Value {
        json!({"url": format!("https://{name}.example.com"), "user": "u", "password": "p"})
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder.join("state")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[tokio::test]
    async fn kept_rows_outlive_the_program_in_a_file_that_only_its_user_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let kept = snapshots(folder.path(), harbor("outlives"));
        assert_eq!(kept.load("harbor").await, None);
        kept.save("harbor", b"rows".to_vec()).await;
        kept.memory.lock().remove(&kept.key("harbor"));
        let again = kept.load("harbor").await.unwrap();
        assert_eq!(again.bytes, "rows");
        assert!(again.age() < Duration::from_secs(60));
        let [file] = &files(folder.path())[..] else { panic!("not one file") };
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file), mode(&folder.path().join("state"))), (0o600, 0o700));
    }

    #[tokio::test]
    async fn another_harbor_user_project_or_name_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        snapshots(folder.path(), harbor("theirs")).save("harbor", b"rows".to_vec()).await;
        for (key, value) in [("url", "https://other.example.com"), ("user", "v"), ("project_name", "q")] {
            let mut other = harbor("theirs");
            other[key] = json!(value);
            assert_eq!(snapshots(folder.path(), other).load("harbor").await, None, "{key}");
        }
        let same = snapshots(folder.path(), harbor("theirs"));
        assert_eq!(same.load("containerd").await, None);
        assert!(same.load("harbor").await.is_some());
    }

    #[tokio::test]
    async fn no_name_leads_outside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let kept = snapshots(folder.path(), harbor("outside"));
        kept.save("../../outside", b"rows".to_vec()).await;
        kept.save("/tmp/outside", b"rows".to_vec()).await;
        assert_eq!(files(folder.path()).len(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_file_that_is_corrupt_cut_short_or_foreign_is_ignored() {
        let spoilt: [fn(&mut Vec<u8>); 7] = [
            |bytes| bytes.truncate(bytes.len() - 1),
            |bytes| bytes.truncate(10),
            |bytes| bytes.clear(),
            |bytes| *bytes.last_mut().unwrap() ^= 1,
            |bytes| bytes[70] ^= 1,
            |bytes| *bytes = b"#!/bin/sh\n".repeat(50),
            |bytes| bytes.extend_from_slice(&[0; 2000]),
        ];
        for (number, spoil) in spoilt.iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let kept = snapshots(folder.path(), harbor(&format!("spoilt-{number}")));
            kept.save("harbor", b"rows".to_vec()).await;
            kept.memory.lock().remove(&kept.key("harbor"));
            let path = files(folder.path()).remove(0);
            let mut bytes = std::fs::read(&path).unwrap();
            spoil(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(kept.load("harbor").await, None, "case {number}");
            kept.save("harbor", b"new".to_vec()).await;
            kept.memory.lock().remove(&kept.key("harbor"));
            assert_eq!(kept.load("harbor").await.unwrap().bytes, "new");
        }
    }

    #[tokio::test]
    async fn rows_above_the_limit_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let kept = snapshots(folder.path(), harbor("large"));
        kept.save("harbor", vec![0; 1001]).await;
        assert_eq!(kept.load("harbor").await, None);
    }
}
