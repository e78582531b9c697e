//! What is read from files, and read again when they change, without a restart and without a signal.

use crate::stamp::Stamp;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A value from files, as of when they were last sound.
pub(crate) struct Reread<T> {
    /// What the files are, for the log.
    what: String,
    paths: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T> + Send + Sync>,
    value: RwLock<Arc<T>>,
    stamps: Mutex<Stamps>,
}

/// The files' state: when they were read, and at the last look.
struct Stamps {
    read: Vec<Stamp>,
    seen: Vec<Stamp>,
}

impl<T> Reread<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub(crate) fn new(
        what: String,
        paths: Vec<PathBuf>,
        read: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        // Before they are read: an edit in between shows at the next look.
        let stamps = stamps(&paths);
        let value = RwLock::new(Arc::new(read()?));
        let stamps = Mutex::new(Stamps { read: stamps.clone(), seen: stamps });
        Ok(Self { what, paths, read: Box::new(read), value, stamps })
    }

    /// The value.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again when they have changed since they were read, but not since the last look: a certificate and its
    /// key are two files, which nobody replaces at once. When that fails, the log says so once, and the old value stays.
    pub(crate) fn look(&self) {
        let now = stamps(&self.paths);
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if now != stamps.seen {
            stamps.seen = now;
            return;
        }
        if now == stamps.read {
            return;
        }
        stamps.read = now;
        match (self.read)() {
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                tracing::info!("{} changed and counts from now on", self.what);
            }
            Err(error) => tracing::error!("{} changed, but what was read before stays: {error:#}", self.what),
        }
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    paths.iter().map(|path| Stamp::of(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static READS: AtomicUsize = AtomicUsize::new(0);

    fn number(path: &Path) -> Reread<u32> {
        let file = path.to_owned();
        Reread::new("a number".to_owned(), vec![path.to_owned()], move || {
            READS.fetch_add(1, Ordering::Relaxed);
            std::fs::read_to_string(&file)?.parse().context("no number")
        })
        .unwrap()
    }

    #[test]
    fn a_file_is_read_again_once_it_has_changed_and_come_to_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let number = number(&path);
        let look = |text: &str| {
            std::fs::write(&path, text).unwrap();
            number.look();
            let first = *number.get();
            number.look();
            (first, *number.get())
        };
        assert_eq!(look("22"), (1, 22), "not while it may still change");
        assert_eq!(look("broken"), (22, 22), "what is broken does not count");
        let reads = READS.load(Ordering::Relaxed);
        number.look();
        number.look();
        assert_eq!(READS.load(Ordering::Relaxed), reads, "nor is it read again and again");
        assert_eq!(look("333"), (22, 333));
        std::fs::remove_file(&path).unwrap();
        number.look();
        number.look();
        assert_eq!(*number.get(), 333);
    }
}
