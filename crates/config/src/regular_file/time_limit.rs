//! A time limit for what the system does with a file. A thread that the system does not let go can't be ended: so there is one at
//! most for each file, and nobody waits for it longer than the limit.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// The longest wait for a file.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Since when which files are in use.
static IN_USE: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());
/// Signals that one of them is not in use any more.
static LET_GO: Condvar = Condvar::new();

type Job = Box<dyn FnOnce() + Send>;

/// The thread that has nothing to do and waits for the next job, so that a look each second makes no thread.
static IDLE: Mutex<Option<mpsc::Sender<Job>>> = Mutex::new(None);

/// Runs this work on a file in a thread of its own, after earlier work on the same file. Blocks until it has ended, at most
/// [`TIME_LIMIT`]; at once with an error while earlier work hangs.
///
/// # Errors
///
/// Those of the work; `TimedOut` when it, or earlier work on the file, does not end in time; and when there is no thread for it.
pub fn within_limit<T: Send + 'static>(file: &Path, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    within(TIME_LIMIT, file, work)
}

fn within<T: Send + 'static>(
    limit: Duration,
    file: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let begun = Instant::now();
    let in_use = InUse::begin(file, limit)?;
    let (sender, outcome) = mpsc::channel();
    start(Box::new(move || {
        let result = work();
        // The next one may begin before this one's result is read.
        drop(in_use);
        let _ = sender.send(result);
    }))?;
    match outcome.recv_timeout(limit.saturating_sub(begun.elapsed())) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(hangs(limit)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(Error::other("reading it panicked; the log says where")),
    }
}

/// The same words each time, so that the log says them once.
fn hangs(limit: Duration) -> Error {
    let text = format!("it did not answer within {} s; is its file system reachable?", limit.as_secs_f64());
    Error::new(ErrorKind::TimedOut, text)
}

/// Marks a file as in use until it is dropped.
struct InUse(PathBuf);

impl InUse {
    /// Waits until the file is not in use, for as long as whoever uses it has time.
    fn begin(file: &Path, limit: Duration) -> Result<Self> {
        let begun = Instant::now();
        let mut in_use = lock(&IN_USE);
        while let Some(since) = in_use.get(file) {
            let left = limit.saturating_sub(since.elapsed()).min(limit.saturating_sub(begun.elapsed()));
            if left.is_zero() {
                return Err(hangs(limit));
            }
            in_use = LET_GO.wait_timeout(in_use, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        in_use.insert(file.to_owned(), Instant::now());
        Ok(Self(file.to_owned()))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        lock(&IN_USE).remove(&self.0);
        LET_GO.notify_all();
    }
}

/// Has the idle thread do it, or a new one.
fn start(job: Job) -> Result<()> {
    let idle = lock(&IDLE).take();
    let job = match idle {
        None => job,
        Some(idle) => match idle.send(job) {
            Ok(()) => return Ok(()),
            Err(mpsc::SendError(job)) => job,
        },
    };
    std::thread::Builder::new().name("files".to_owned()).spawn(move || run(job)).map(drop)
}

fn run(mut job: Job) {
    loop {
        job();
        let (sender, jobs) = mpsc::channel();
        {
            let mut idle = lock(&IDLE);
            if idle.is_some() {
                return;
            }
            *idle = Some(sender);
        }
        let Ok(next) = jobs.recv() else { return };
        job = next;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LIMIT: Duration = Duration::from_millis(200);

    #[test]
    fn a_file_that_hangs_has_one_thread_and_is_not_waited_for_again() {
        let file = Path::new("/a file that hangs");
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let begun = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            within(LIMIT, file, move || {
                begun.fetch_add(1, Ordering::Relaxed);
                let _ = lock(&gate).recv();
                Ok(())
            })
        };
        let first = ask().unwrap_err();
        assert_eq!(first.kind(), ErrorKind::TimedOut);
        assert_eq!(first.to_string(), "it did not answer within 0.2 s; is its file system reachable?");
        let asked = Instant::now();
        for _ in 0..100 {
            assert_eq!(ask().unwrap_err().to_string(), first.to_string());
        }
        assert!(asked.elapsed() < LIMIT, "{:?}", asked.elapsed());
        assert_eq!(begun.load(Ordering::Relaxed), 1, "one thread hangs");
        assert!(within(LIMIT, Path::new("/another file"), || Ok(1)).is_ok(), "others do not wait");
        drop(open);
        let answered = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(2));
            ask().is_ok()
        });
        assert!(answered, "it is read again when it answers");
    }

    #[test]
    fn work_on_one_file_waits_for_earlier_work_on_it() {
        let file = Path::new("/a file that many read");
        let running = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let running = Arc::clone(&running);
                std::thread::spawn(move || {
                    within(Duration::from_secs(20), file, move || {
                        let others = running.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(2));
                        running.fetch_sub(1, Ordering::SeqCst);
                        Ok(others)
                    })
                })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap().unwrap(), 0);
        }
    }

    #[test]
    fn work_that_panics_is_an_error_and_lets_the_file_go() {
        let file = Path::new("/a file that panics");
        let error = within::<()>(LIMIT, file, || panic!("as this test wants it")).unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        assert!(within(LIMIT, file, || Ok(())).is_ok());
    }
}
