//! Entries that the host keeps for components, as wit/store.wit describes them: in memory, or in a file that outlives the program
//! where a folder is configured.

mod ages;
mod bounds;
mod disk;
mod folder;
mod memory;
mod model;
mod scope;
#[cfg(test)]
mod tests;

use anyhow::Result;
use bounds::Room;
use disk::Disk;
use image_service_config::Config;
use image_service_telemetry::metrics::{self, CommitOutcome};
use memory::Memory;
use model::{Backend, Commit};
pub(crate) use model::{Changes, Entry, Error, Head, Page, Query};
use scope::Scope;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The stores of the program. It has one of these for its whole life, because a reload must not lose what they hold.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    memory: Arc<Memory>,
    /// The file in use. A program can open a file once only.
    disk: Arc<Mutex<Weak<Disk>>>,
}

impl Stores {
    /// The store on disk in this folder. While an earlier configuration uses it too, both have the same one.
    fn disk(&self, folder: &Path) -> Arc<Disk> {
        let mut present = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = present.upgrade().filter(|disk| disk.folder() == folder) {
            return disk;
        }
        let disk = Arc::new(Disk::new(folder, Arc::clone(&self.memory)));
        *present = Arc::downgrade(&disk);
        disk
    }
}

/// The store for one configuration of the sources.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    scope: Scope,
    memory: Arc<Memory>,
    memory_room: Room,
    disk: Option<Arc<Disk>>,
    max_file_bytes: u64,
}

impl Store {
    /// Prepares the folder, where one is configured. The file in it is opened at its first use.
    ///
    /// # Errors
    ///
    /// When the folder can't be made or written, or others may write it.
    pub(crate) fn new(config: &Config, stores: &Stores) -> Result<Self> {
        let cache = &config.cache;
        let folder = cache.state_dir.as_deref();
        if let Some(folder) = folder {
            folder::prepare(folder)?;
        }
        let total = cache.max_store_memory as u64;
        Ok(Self {
            scope: Scope::of(config),
            memory: Arc::clone(&stores.memory),
            memory_room: Room { total, key: "cache_config.max_store_memory", configured: total },
            disk: folder.map(|folder| stores.disk(folder)),
            max_file_bytes: cache.max_store_file,
        })
    }

    /// What a name holds; `None` where it holds nothing.
    pub(crate) async fn head(&self, name: &str) -> Result<Option<Head>, Error> {
        bounds::check_name(name)?;
        let id = self.scope.id(name);
        self.run(move |backend| backend.head(&id)).await
    }

    /// A page of entries.
    pub(crate) async fn read(&self, name: &str, mut query: Query) -> Result<Page, Error> {
        bounds::check_name(name)?;
        match &mut query {
            Query::Keys(keys) => bounds::check_keys(keys)?,
            Query::After { max_bytes, .. } => *max_bytes = (*max_bytes).min(bounds::MAX_PAGE_BYTES),
        }
        let id = self.scope.id(name);
        self.run(move |backend| backend.read(&id, &query)).await
    }

    /// Makes all changes at the same moment, and gives the new revision. The commit goes on where the caller does not wait for it.
    pub(crate) async fn commit(&self, name: &str, base: Option<u64>, changes: Changes) -> Result<u64, Error> {
        if let Err(error) = bounds::check_name(name).and_then(|()| bounds::check_changes(&changes)) {
            metrics::store_committed(error.outcome());
            return Err(error);
        }
        let (id, commit) = (self.scope.id(name), Commit::from(changes));
        let committed = self.run(move |backend| {
            let committed = backend.commit(&id, base, &commit);
            metrics::store_committed(committed.as_ref().map_or_else(Error::outcome, |_| CommitOutcome::Committed));
            committed
        });
        committed.await
    }

    /// Runs this on the disk, where that is configured and answers, else on the memory.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Backend) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (memory_room, max_file_bytes) = (self.memory_room, self.max_file_bytes);
        match self.disk.clone() {
            Some(disk) if !disk.uses().hang() => {
                let uses = Arc::clone(disk.uses());
                uses.run(move || work(&disk.within(max_file_bytes, memory_room))).await
            }
            _ => work(&self.memory.within(memory_room)),
        }
    }
}
