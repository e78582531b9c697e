//! images_to_ignore.txt: what it held when it was last read. No request waits for the file.
//!
//! Where its folder is on a disk of this machine, each request looks whether the file changed, and reads it anew if so: an edit
//! counts from the next request on. A link, or a network file system, is looked at each second, in the background. What can't be
//! read changes nothing: what was read before stays.

mod local_folder;

use image_model::text;
use image_service_config::regular_file::{self, Fingerprint, MAX_IGNORE_FILE};
use local_folder::LocalFolder;
use std::fs::Metadata;
use std::io::Result;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::time::MissedTickBehavior;

/// How often the file is looked at in the background.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Longer than the ticks of the clock that dates files, which are 10 ms at most.
const CLOCK_TICK: Duration = Duration::from_millis(50);

/// The file of the program. Its successor after a reload is the same one, as what was read must not be lost.
#[derive(Clone, Debug, Default)]
pub struct IgnoreFiles(Arc<Mutex<Weak<IgnoreFile>>>);

impl IgnoreFiles {
    /// The file with this path, read just now.
    pub(crate) fn open(&self, path: &Path) -> Arc<IgnoreFile> {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = present.upgrade().filter(|file| file.path == path);
        let file = file.unwrap_or_else(|| Arc::new(IgnoreFile::new(path)));
        *present = Arc::downgrade(&file);
        drop(present);
        file.look();
        file
    }
}

/// The file, and what it held when it was last read.
#[derive(Debug)]
pub(crate) struct IgnoreFile {
    path: PathBuf,
    last: Mutex<Last>,
    /// Whether it is looked at in the background.
    is_watched: AtomicBool,
}

/// What the last look found.
#[derive(Debug, Default)]
struct Last {
    /// The file of the last reading, whether it could be used or not; `None` where there was none.
    fingerprint: Option<Fingerprint>,
    /// Whether an edit after that reading has another fingerprint for certain: not while the file is as young as the ticks of the
    /// system's clock.
    is_settled: bool,
    /// What the file held when it could be used; `None` where there was none.
    text: Option<Arc<str>>,
    /// Where a request may look for itself.
    folder: Option<Arc<LocalFolder>>,
    /// Why the file can't be used now.
    trouble: Option<String>,
}

/// What a look found.
enum Found {
    Nothing,
    Unchanged,
    Changed { fingerprint: Fingerprint, is_settled: bool, text: Result<Arc<str>> },
}

impl IgnoreFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), last: Mutex::default(), is_watched: AtomicBool::new(false) }
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there was a file when it was last looked at.
    pub(crate) fn is_there(&self) -> bool {
        self.last().fingerprint.is_some()
    }

    /// Looks at the file each second from now on, until it is not in use any more.
    pub(crate) fn watch(self: &Arc<Self>) {
        if self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let file = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(file) = file.upgrade() else { return };
                let _ = tokio::task::spawn_blocking(move || file.look()).await;
            }
        });
    }

    /// The fingerprint of the file now, where that can be told at once; else as it was when it was last looked at.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        let (folder, last) = {
            let last = self.last();
            (last.folder.clone(), last.fingerprint)
        };
        folder.and_then(|folder| folder.look()).unwrap_or(last)
    }

    /// The text of the file; `None` where there is none.
    pub(crate) async fn text(self: &Arc<Self>) -> Option<Arc<str>> {
        let fingerprint = self.fingerprint();
        let is_known = {
            let last = self.last();
            last.fingerprint == fingerprint && (fingerprint.is_none() || last.is_settled)
        };
        if !is_known {
            let file = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || file.look()).await;
        }
        self.last().text.clone()
    }

    /// Why the file can't be used now; `None` where it can, or there is none.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.last().trouble.clone()
    }

    /// Reads the file if it changed. Blocks on the file system, up to its time limit.
    fn look(&self) {
        let path = self.path.clone();
        let before = {
            let last = self.last();
            last.fingerprint.filter(|_| last.is_settled && last.trouble.is_none())
        };
        let found = regular_file::within_limit(&self.path, move || {
            // Before the file, so that a file that appears in between is seen by the next one who looks.
            let folder = LocalFolder::of(&path).map(Arc::new);
            Ok((folder, look(&path, before)?))
        });
        let mut last = self.last();
        match found {
            Ok((folder, found)) => {
                last.folder = folder;
                match found {
                    Found::Nothing => {
                        last.fingerprint = None;
                        self.read(&mut last, None);
                    }
                    Found::Unchanged => {}
                    Found::Changed { fingerprint, is_settled, text } => {
                        (last.fingerprint, last.is_settled) = (Some(fingerprint), is_settled);
                        match text {
                            Ok(text) => self.read(&mut last, Some(text)),
                            Err(error) => self.in_trouble(&mut last, &error),
                        }
                    }
                }
            }
            Err(error) => {
                // Nobody must look by himself at what does not answer.
                last.folder = None;
                self.in_trouble(&mut last, &error);
            }
        }
    }

    /// The file can be used, or is not there.
    fn read(&self, last: &mut MutexGuard<'_, Last>, text: Option<Arc<str>>) {
        if last.trouble.take().is_some() {
            tracing::info!("{} can be used again", self.path.display());
        }
        last.text = text;
    }

    /// Says once that the file can't be used.
    fn in_trouble(&self, last: &mut MutexGuard<'_, Last>, error: &std::io::Error) {
        let what = match &last.text {
            Some(_) => "what was read of it before stays in use",
            None => "the listing leaves no image out",
        };
        let trouble = format!("{} can't be read ({error}), so {what}", self.path.display());
        if last.trouble.as_ref() != Some(&trouble) {
            tracing::warn!("{trouble}");
            last.trouble = Some(trouble);
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the file or its name changed last.
fn changed_at(metadata: &Metadata) -> Option<SystemTime> {
    let since = Duration::new(u64::try_from(metadata.ctime()).ok()?, u32::try_from(metadata.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// Looks at the file, and reads it if it changed.
fn look(path: &Path, before: Option<Fingerprint>) -> Result<Found> {
    let Some(metadata) = regular_file::absent(std::fs::metadata(path))? else { return Ok(Found::Nothing) };
    let fingerprint = Fingerprint::from(&metadata);
    if before == Some(fingerprint) {
        return Ok(Found::Unchanged);
    }
    let read = || {
        let Some(file) = regular_file::open(path)? else { return Ok(Arc::from("")) };
        Ok(Arc::from(text::decode(&regular_file::read_open(&file, MAX_IGNORE_FILE)?)))
    };
    let changed = metadata.modified().ok().into_iter().chain(changed_at(&metadata)).max();
    let age = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
    let is_settled = age.is_some_and(|age| age > CLOCK_TICK);
    Ok(Found::Changed { fingerprint, is_settled, text: read() })
}

#[cfg(test)]
mod tests;
