//! The store in a file of `cache_config.state_dir`, which outlives the program.
//!
//! The file is opened at its first use, as that reads all of it. A failure of the disk closes it, and the next use opens it again. A
//! file that is damaged or not ours is renamed, and a new one takes its place. While the file can't be had, memory takes its place.

mod database;
mod fault;
mod file;
mod record;
#[cfg(test)]
mod tests;
mod uses;

use super::ages::Ages;
use super::bounds::Room;
use super::memory::Memory;
use super::model::{Backend, Commit, Error, Head, Id, Page, Query};
use database::Session;
use fault::{Fault, is_full};
use file::StoreFile;
use image_service_config::regular_file::within_limit;
use image_service_telemetry::metrics::{self, StoreBytes, StorePlace};
use redb::Database;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use uses::Uses;

/// The file's name in the folder.
const FILE_NAME: &str = "store.redb";
/// The name that a file which can't be used gets. It takes the place of an earlier one, so that they do not fill the disk.
const ASIDE_NAME: &str = "store.redb.damaged";
/// How long memory takes the place of a file that could not be opened, before the next try.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Longest wait for another process to let the file go, at the first use. A program that was killed while it started a process has
/// the file until that process runs.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// The pause between two looks.
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// How often a use of the file is tried on a new one.
const TRIES: usize = 3;
/// A file has room for more than the store holds: a commit writes beside the present pages, and the file grows by its own size.
const FILE_BYTES_FOR_A_BYTE: u64 = 4;

/// The store in a file.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    path: PathBuf,
    uses: Arc<Uses>,
    max_file_bytes: Arc<AtomicU64>,
    /// The bytes in the file, since it was opened.
    kept: StoreBytes,
    state: RwLock<State>,
    ages: Ages,
    /// Takes the place of the file while that can't be opened.
    memory: Arc<Memory>,
    retry_after: Duration,
}

#[derive(Debug)]
enum State {
    /// The next use opens the file.
    Closed,
    Open {
        database: Database,
        /// The number of this opening.
        number: u64,
    },
    /// It could not be opened at this moment.
    Unavailable(Instant),
}

impl Disk {
    pub(super) fn new(folder: &Path, memory: Arc<Memory>) -> Self {
        let path = folder.join(FILE_NAME);
        Self {
            folder: folder.to_owned(),
            uses: Arc::new(Uses::new(path.clone())),
            path,
            max_file_bytes: Arc::default(),
            kept: StoreBytes::new(StorePlace::Disk),
            state: RwLock::new(State::Closed),
            ages: Ages::default(),
            memory,
            retry_after: RETRY_AFTER,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Through these, all threads of the program use it.
    pub(super) fn uses(&self) -> &Arc<Uses> {
        &self.uses
    }

    /// The same store within the bounds of the present configuration: of the file, and of the memory in its place.
    pub(super) fn within(&self, max_file_bytes: u64, memory: Room) -> BoundedDisk<'_> {
        self.max_file_bytes.store(max_file_bytes, Ordering::Relaxed);
        let total = max_file_bytes / FILE_BYTES_FOR_A_BYTE;
        let room = Room { total, key: "cache_config.max_store_file", configured: max_file_bytes };
        BoundedDisk { disk: self, room, memory }
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the file, unless another thread did, or it failed a moment ago.
    fn open(&self) {
        if matches!(*self.read_state(), State::Open { .. }) {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = match *state {
            State::Open { .. } => return,
            State::Unavailable(since) if since.elapsed() < self.retry_after => return,
            State::Unavailable(_) => true,
            State::Closed => false,
        };
        let path = self.path.display();
        let mut opened = self.open_file();
        let begun = Instant::now();
        while !before && matches!(opened, Err(Fault::Held)) && begun.elapsed() < LOCK_TIMEOUT {
            std::thread::sleep(LOCK_PAUSE);
            opened = self.open_file();
        }
        if let Err(Fault::Damaged(why)) = &opened {
            opened = self.set_aside(why).and_then(|()| self.open_file());
        }
        *state = match opened {
            Ok(database) => {
                if before {
                    tracing::info!("the host keeps rows in {path} again");
                }
                State::Open { database, number: fastrand::u64(..) }
            }
            Err(fault) => {
                // Said once, however often it is tried again.
                if !before {
                    let why = match fault {
                        Fault::Held => "another process uses it".to_owned(),
                        Fault::Closed => "its disk failed".to_owned(),
                        Fault::Io(error) => error.to_string(),
                        Fault::Damaged(why) => why,
                        Fault::Refused(error) => error.to_string(),
                    };
                    tracing::warn!("{path} can't be opened ({why}), so the host keeps rows in memory until it can");
                }
                State::Unavailable(Instant::now())
            }
        };
    }

    fn open_file(&self) -> Result<Database, Fault> {
        guarded(|| {
            let file = StoreFile::open(&self.path, Arc::clone(&self.max_file_bytes));
            let file = file.map_err(|error| Fault::Io(std::io::Error::other(format!("{error:#}"))))?;
            let database = database::open(file)?;
            self.kept.set(database::kept_bytes(&database)?);
            Ok(database)
        })
    }

    /// Renames the file, so that a new one takes its place.
    fn set_aside(&self, why: &str) -> Result<(), Fault> {
        let aside = self.folder.join(ASIDE_NAME);
        std::fs::rename(&self.path, &aside).map_err(Fault::Io)?;
        metrics::store_file_set_aside();
        tracing::warn!(
            "{} can't be used ({why}), so the host set it aside as {} and begins a new one",
            self.path.display(),
            aside.display()
        );
        Ok(())
    }

    /// Closes the database after a failure of this opening. A damaged file is set aside.
    fn close(&self, failed: u64, damage: Option<&str>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Open { number, .. } if number == failed) {
            return; // Another thread saw the same.
        }
        end(std::mem::replace(&mut *state, State::Closed));
        if let Some(why) = damage
            && let Err(fault) = self.set_aside(why)
        {
            tracing::warn!("{} can't be set aside: {fault:?}", self.path.display());
            *state = State::Unavailable(Instant::now());
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let state = std::mem::replace(self.state.get_mut().unwrap_or_else(PoisonError::into_inner), State::Closed);
        // What is committed is in the file, so nothing is lost where the disk does not answer.
        let _ = within_limit(&self.path, move || {
            end(state);
            Ok(())
        });
    }
}

/// Closes the database. redb may find more damage while it closes.
fn end(state: State) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
}

/// Runs a use of the database. A panic counts as damage: redb panics where a file is not as it wrote it.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Err(Fault::Damaged(format!("the database panicked: {}", text.unwrap_or("it did not say why"))))
    })
}

/// The disk, and the bounds of the present configuration.
pub(super) struct BoundedDisk<'a> {
    disk: &'a Disk,
    room: Room,
    memory: Room,
}

impl BoundedDisk<'_> {
    fn with<T>(
        &self,
        on_disk: impl Fn(&Session<'_>) -> Result<T, Fault>,
        in_memory: impl Fn(&dyn Backend) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // A damaged file is set aside, and a new one tried. Another thread may close the file between the lines.
        for _ in 0..TRIES {
            self.disk.open();
            let state = self.disk.read_state();
            let (database, number) = match &*state {
                State::Open { database, number } => (database, *number),
                State::Closed => continue,
                State::Unavailable(_) => {
                    drop(state);
                    return in_memory(&self.disk.memory.within(self.memory));
                }
            };
            let session = Session { database, ages: &self.disk.ages, kept: &self.disk.kept, room: self.room };
            let fault = match guarded(|| on_disk(&session)) {
                Ok(outcome) => return Ok(outcome),
                Err(fault) => fault,
            };
            drop(state);
            match fault {
                Fault::Refused(error) => return Err(error),
                Fault::Damaged(why) => self.disk.close(number, Some(&why)),
                Fault::Io(error) => {
                    self.disk.close(number, None);
                    return Err(self.failure(&error));
                }
                Fault::Closed | Fault::Held => self.disk.close(number, None),
            }
        }
        Err(Error::Failed(format!("{} fails again and again; is its disk well?", self.disk.path.display())))
    }

    /// What a component is told of a failure of the disk.
    fn failure(&self, error: &std::io::Error) -> Error {
        let (path, Room { key, configured, .. }) = (self.disk.path.display(), self.room);
        match error.kind() {
            std::io::ErrorKind::QuotaExceeded if error.raw_os_error().is_none() => {
                Error::Full(format!("{path} would grow beyond {configured} bytes; raise {key}"))
            }
            _ if is_full(error) => Error::Full(format!("{path} can't grow: {error}; make room on its disk")),
            _ => Error::Failed(format!("{path} can't be used: {error}; is its disk well?")),
        }
    }
}

impl Backend for BoundedDisk<'_> {
    fn head(&self, id: &Id) -> Result<Option<Head>, Error> {
        self.with(|session| session.head(id), |memory| memory.head(id))
    }

    fn read(&self, id: &Id, query: &Query) -> Result<Page, Error> {
        self.with(|session| session.read(id, query), |memory| memory.read(id, query))
    }

    fn commit(&self, id: &Id, base: Option<u64>, commit: &Commit) -> Result<u64, Error> {
        self.with(|session| session.commit(id, base, commit), |memory| memory.commit(id, base, commit))
    }
}
