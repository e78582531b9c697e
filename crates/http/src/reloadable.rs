//! A value made from files, and made again when they change: no restart, no signal.
//!
//! By hand on purpose: the crate `notify` waits for events of a folder. A mounted secret changes through a link in another
//! folder, and a network file system sends no events. To look at a few files costs microseconds.

use crate::file_fingerprint::FileFingerprint;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A value made from files, as they were when the last reading succeeded.
pub(crate) struct Reloadable<T> {
    /// Names the files in the log.
    description: String,
    paths: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<T> + Send + Sync>,
    value: RwLock<Arc<T>>,
    fingerprints: Mutex<Fingerprints>,
}

/// Fingerprints of the files.
struct Fingerprints {
    /// When the value was made.
    loaded: Vec<FileFingerprint>,
    /// At the last call of `refresh`.
    seen: Vec<FileFingerprint>,
}

impl<T> Reloadable<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    ///
    /// When `load` fails.
    pub(crate) fn new(
        description: String,
        paths: Vec<PathBuf>,
        load: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        // Taken before `load`, so that the next call of `refresh` sees an edit made in between.
        let before = fingerprints(&paths);
        let value = RwLock::new(Arc::new(load()?));
        let fingerprints = Mutex::new(Fingerprints { loaded: before.clone(), seen: before });
        Ok(Self { description, paths, load: Box::new(load), value, fingerprints })
    }

    /// The value.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again when they differ from the files of the value and have not changed since the last call: a
    /// certificate and its key are two files, and nobody replaces both at one instant. When reading fails, the log says
    /// so once and the old value stays. Blocks on the file system, so request threads must not call it.
    pub(crate) fn refresh(&self) {
        let now = fingerprints(&self.paths);
        let mut fingerprints = self.fingerprints.lock().unwrap_or_else(PoisonError::into_inner);
        if now != fingerprints.seen {
            fingerprints.seen = now;
            return;
        }
        if now == fingerprints.loaded {
            return;
        }
        fingerprints.loaded = now;
        match (self.load)() {
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                tracing::info!("{} changed; the new content is in use", self.description);
            }
            Err(error) => tracing::error!("{} changed, but the old content stays in use: {error:#}", self.description),
        }
    }
}

fn fingerprints(paths: &[PathBuf]) -> Vec<FileFingerprint> {
    paths.iter().map(|path| FileFingerprint::of(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static LOADS: AtomicUsize = AtomicUsize::new(0);

    fn number(path: &Path) -> Reloadable<u32> {
        let file = path.to_owned();
        Reloadable::new("a number".to_owned(), vec![path.to_owned()], move || {
            LOADS.fetch_add(1, Ordering::Relaxed);
            std::fs::read_to_string(&file)?.parse().context("no number")
        })
        .unwrap()
    }

    #[test]
    fn a_changed_file_is_read_again_when_it_has_stopped_changing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let number = number(&path);
        let edit = |text: &str| {
            std::fs::write(&path, text).unwrap();
            number.refresh();
            let first = *number.get();
            number.refresh();
            (first, *number.get())
        };
        assert_eq!(edit("22"), (1, 22), "a file that may still change is not read");
        assert_eq!(edit("broken"), (22, 22), "a broken file changes nothing");
        let loads = LOADS.load(Ordering::Relaxed);
        number.refresh();
        number.refresh();
        assert_eq!(LOADS.load(Ordering::Relaxed), loads, "a broken file is read once");
        assert_eq!(edit("333"), (22, 333));
        std::fs::remove_file(&path).unwrap();
        number.refresh();
        number.refresh();
        assert_eq!(*number.get(), 333);
    }
}
