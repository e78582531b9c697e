//! A value made from files, and made again when they change: no restart, no signal.
//!
//! By hand on purpose: the crate `notify` waits for events of a folder. A mounted secret changes through a link in another
//! folder, and a network file system sends no events. To look at a few files costs microseconds.

use anyhow::Result;
use image_service_config::regular_file::{self, Fingerprint};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long what a file granted stays valid after the file is gone or empty. Whoever writes a file anew has it empty for a moment.
pub(crate) const GRACE: Duration = Duration::from_secs(60);
/// After so many looks at files that change all the time, they are read nevertheless.
const MAX_CHANGING: u32 = 5;

/// The file that grants something is gone or holds nothing: whatever it granted ends after [`GRACE`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Withdrawn(pub(crate) String);

/// Makes the value of the files.
type Load<T> = Box<dyn Fn() -> Result<T> + Send + Sync>;
/// Makes the value that grants nothing, where there is one.
type Close<T> = Box<dyn Fn(&T) -> Result<T> + Send + Sync>;

/// A value made from files, as they were when the last reading succeeded.
pub(crate) struct Reloadable<T> {
    /// Names the files in the log.
    description: String,
    paths: Vec<PathBuf>,
    load: Load<T>,
    close: Close<T>,
    value: RwLock<Arc<T>>,
    state: Mutex<State>,
}

type Fingerprints = Vec<Option<Fingerprint>>;

/// What the looks at the files found.
struct State {
    /// The files of the value; `None` where it grants nothing.
    of_value: Option<Fingerprints>,
    /// The files of the latest reading; `None` where it has to be repeated.
    loaded: Option<Fingerprints>,
    /// The files at the latest look.
    seen: Fingerprints,
    /// How often in a row they had changed since the look before.
    changing: u32,
    /// What the log says of the present trouble.
    trouble: Option<String>,
    /// Since when the files grant nothing.
    withdrawn: Option<Instant>,
    /// Whether the value grants nothing.
    closed: bool,
}

impl<T> Reloadable<T> {
    /// Reads the files for the first time. Where `load` fails as [`Withdrawn`], `close` makes the value that counts after
    /// [`GRACE`].
    ///
    /// # Errors
    ///
    /// When `load` fails.
    pub(crate) fn new(
        description: String,
        paths: Vec<PathBuf>,
        load: impl Fn() -> Result<T> + Send + Sync + 'static,
        close: impl Fn(&T) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        // Taken before `load`, so that the next call of `refresh` sees an edit made in between. Where it can't be taken, `load`
        // says why.
        let before = fingerprints(&paths).unwrap_or_default();
        let value = RwLock::new(Arc::new(load()?));
        let state = State {
            of_value: Some(before.clone()),
            loaded: Some(before.clone()),
            seen: before,
            changing: 0,
            trouble: None,
            withdrawn: None,
            closed: false,
        };
        Ok(Self { description, paths, load: Box::new(load), close: Box::new(close), value, state: Mutex::new(state) })
    }

    /// The value.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the value is what these files hold now.
    pub(crate) fn is_of(&self, paths: &[PathBuf]) -> bool {
        self.paths == paths && fingerprints(paths).is_ok_and(|now| self.lock().of_value.as_ref() == Some(&now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again when they differ from the files of the value and have not changed since the last call: a
    /// certificate and its key are two files, and nobody replaces both at one instant. When reading fails, the log says so once,
    /// and the old value stays, or ends after [`GRACE`] where the files grant nothing any more. Blocks on the file system, so
    /// request threads must not call it.
    pub(crate) fn refresh(&self) {
        self.refresh_at(Instant::now());
    }

    fn refresh_at(&self, now: Instant) {
        let mut state = self.lock();
        self.look(&mut state, now);
        if !state.closed && state.withdrawn.is_some_and(|since| now.saturating_duration_since(since) >= GRACE) {
            self.close(&mut state);
        }
    }

    fn look(&self, state: &mut MutexGuard<'_, State>, now: Instant) {
        let found = match fingerprints(&self.paths) {
            Ok(found) => found,
            Err(error) => {
                state.loaded = None;
                return self.in_trouble(state, &anyhow::Error::from(error));
            }
        };
        if found != state.seen && state.changing < MAX_CHANGING {
            state.seen = found;
            state.changing += 1;
            return;
        }
        state.changing = 0;
        if state.loaded.as_ref() == Some(&found) {
            return;
        }
        state.seen.clone_from(&found);
        state.loaded = Some(found);
        match (self.load)() {
            Ok(value) => {
                self.replace(value);
                state.of_value = state.loaded.clone();
                (state.trouble, state.withdrawn, state.closed) = (None, None, false);
                tracing::info!("{} changed; the new content is in use", self.description);
            }
            Err(error) if error.is::<Withdrawn>() => {
                if state.withdrawn.is_none() {
                    state.withdrawn = Some(now);
                    let seconds = GRACE.as_secs();
                    tracing::error!(
                        "{} grants nothing any more: {error:#}; what it granted stays valid for {seconds} s, and then ends",
                        self.description
                    );
                }
            }
            Err(error) => {
                // A file that can't be read may be readable at the next look, without having changed.
                if error.chain().any(|cause| cause.is::<std::io::Error>()) {
                    state.loaded = None;
                }
                self.in_trouble(state, &error);
            }
        }
    }

    /// Says once that the files can't be used.
    fn in_trouble(&self, state: &mut MutexGuard<'_, State>, error: &anyhow::Error) {
        let trouble = format!("{error:#}");
        if state.trouble.as_ref() != Some(&trouble) {
            let stays = if state.closed { "nothing is granted still" } else { "the old content stays in use" };
            tracing::error!("{} changed, but {stays}: {trouble}", self.description);
            state.trouble = Some(trouble);
        }
    }

    /// Ends what the files granted.
    fn close(&self, state: &mut MutexGuard<'_, State>) {
        match (self.close)(&self.get()) {
            Ok(closed) => {
                self.replace(closed);
                state.of_value = None;
                state.closed = true;
                let seconds = GRACE.as_secs();
                tracing::error!(
                    "{} has granted nothing for {seconds} s, so all that it granted has ended; it counts again as soon as it can \
                     be used",
                    self.description
                );
            }
            Err(error) => self.in_trouble(state, &error),
        }
    }

    fn replace(&self, value: T) {
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

fn fingerprints(paths: &[PathBuf]) -> std::io::Result<Fingerprints> {
    paths.iter().map(|path| regular_file::fingerprint(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, bail};
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The number in a file, 0 where it grants nothing, and how often it was read.
    fn number(path: &Path) -> (Reloadable<u32>, Arc<AtomicUsize>) {
        let (file, loads) = (path.to_owned(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&loads);
        let load = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let Some(text) = regular_file::absent(regular_file::read_text(&file, 10))? else {
                bail!(Withdrawn("it is gone".to_owned()))
            };
            text.parse().context("no number")
        };
        (Reloadable::new("a number".to_owned(), vec![path.to_owned()], load, |_| Ok(0)).unwrap(), loads)
    }

    /// The number after a look so many seconds from now.
    fn clock(number: &Reloadable<u32>) -> impl Fn(u64) -> u32 {
        let begun = Instant::now();
        move |seconds| {
            number.refresh_at(begun.checked_add(Duration::from_secs(seconds)).unwrap());
            *number.get()
        }
    }

    /// A file with the number 1.
    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        (folder, path)
    }

    #[test]
    fn a_changed_file_is_read_again_when_it_has_stopped_changing() {
        let (_folder, path) = file();
        let (number, loads) = number(&path);
        let edit = |text: &str| {
            std::fs::write(&path, text).unwrap();
            number.refresh();
            let first = *number.get();
            number.refresh();
            (first, *number.get())
        };
        let is_current = || number.is_of(std::slice::from_ref(&path));
        assert_eq!(edit("22"), (1, 22), "a file that may still change is not read");
        assert!(is_current() && !number.is_of(&[]));
        assert_eq!(edit("broken"), (22, 22), "a broken file changes nothing");
        assert!(!is_current());
        let before = loads.load(Ordering::Relaxed);
        number.refresh();
        number.refresh();
        assert_eq!(loads.load(Ordering::Relaxed), before, "a broken file is read once");
        assert_eq!(edit("333"), (22, 333));
    }

    #[test]
    fn a_file_that_changes_all_the_time_is_read_nevertheless() {
        let (_folder, path) = file();
        let (number, _) = number(&path);
        for edit in 2..20 {
            std::fs::write(&path, format!("{edit:05}")).unwrap();
            std::fs::File::open(&path).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
            number.refresh();
        }
        assert!(*number.get() > 10, "{}", number.get());
    }

    #[test]
    fn what_a_file_granted_ends_after_the_grace_when_it_is_gone_and_begins_again_with_the_file() {
        let (_folder, path) = file();
        let (number, _) = number(&path);
        let at = clock(&number);
        std::fs::remove_file(&path).unwrap();
        assert_eq!([at(1), at(2), at(61)], [1; 3], "the grace began with the second look");
        assert_eq!([at(62), at(63)], [0; 2]);
        assert!(!number.is_of(std::slice::from_ref(&path)));
        std::fs::write(&path, "broken").unwrap();
        assert_eq!([at(64), at(65)], [0; 2], "a broken file opens nothing");
        std::fs::write(&path, "4").unwrap();
        assert_eq!([at(66), at(67)], [0, 4]);
        // The grace ends also where something else than the file took its place.
        std::fs::remove_file(&path).unwrap();
        assert_eq!([at(100), at(101)], [4; 2]);
        std::fs::create_dir(&path).unwrap();
        assert_eq!([at(102), at(103), at(160), at(161)], [4, 4, 4, 0]);
    }

    #[test]
    fn a_file_that_is_written_anew_within_the_grace_costs_nothing() {
        let (_folder, path) = file();
        let (number, _) = number(&path);
        let at = clock(&number);
        std::fs::remove_file(&path).unwrap();
        assert_eq!([at(1), at(2), at(30)], [1; 3]);
        std::fs::write(&path, "2").unwrap();
        assert_eq!([at(31), at(32), at(62), at(63)], [1, 2, 2, 2]);
    }

    #[test]
    fn a_pipe_in_the_place_of_the_file_changes_nothing_and_its_successor_counts() {
        let (_folder, path) = file();
        let (number, _) = number(&path);
        let begun = Instant::now();
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        for _ in 0..4 {
            number.refresh_at(begun.checked_add(GRACE).unwrap());
        }
        assert_eq!(*number.get(), 1);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "2").unwrap();
        number.refresh();
        number.refresh();
        assert_eq!(*number.get(), 2);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
