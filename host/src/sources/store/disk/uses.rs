//! A time limit for the uses of the disk: a disk that does not answer (a network file system whose server is gone, a device that
//! fails slowly) holds up one use, and as many threads as may use it at a time; all later ones use memory until it answers.

use super::super::model::Error;
use image_service_config::duration::deadline;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

/// The longest wait for one use. The first one reads the whole file.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Uses at a time. Each has a thread, which stays for as long as the disk does not answer.
const AT_A_TIME: usize = 8;

/// The uses of one disk.
#[derive(Debug)]
pub(in super::super) struct Uses {
    /// The file, for messages.
    path: PathBuf,
    places: Arc<Semaphore>,
    /// Uses that took longer than the limit and have not ended.
    overdue: AtomicUsize,
    time_limit: Duration,
}

impl Uses {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, places: Arc::new(Semaphore::new(AT_A_TIME)), overdue: AtomicUsize::new(0), time_limit: TIME_LIMIT }
    }

    /// Whether the disk does not answer at present.
    pub(in super::super) fn hang(&self) -> bool {
        self.overdue.load(Ordering::Acquire) > 0
    }

    /// Runs one use in a thread that may block, when there is a place for it. What takes too long goes on without the caller.
    ///
    /// # Errors
    ///
    /// Those of the use, and one when it does not end in time.
    pub(in super::super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let end = deadline(self.time_limit).into();
        // The semaphore is never closed.
        let Ok(place) = timeout_at(end, Arc::clone(&self.places).acquire_owned()).await else {
            return Err(self.no_answer());
        };
        let mut used = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        match timeout_at(end, &mut used).await {
            Ok(outcome) => outcome.unwrap_or_else(|error| Err(Error::Failed(format!("the store failed: {error}")))),
            Err(_) => {
                self.watch(used);
                Err(self.no_answer())
            }
        }
    }

    fn no_answer(&self) -> Error {
        let (path, limit) = (self.path.display(), self.time_limit.as_secs_f64());
        Error::Failed(format!("{path} did not answer within {limit} s; is its disk well?"))
    }

    /// Waits for the end of a use that nobody else waits for.
    fn watch<T: Send + 'static>(self: &Arc<Self>, used: JoinHandle<T>) {
        let (path, limit) = (self.path.display(), self.time_limit.as_secs_f64());
        if self.overdue.fetch_add(1, Ordering::AcqRel) == 0 {
            tracing::warn!(
                "{path} did not answer within {limit} s, so the host keeps rows in memory until it does; is its disk well?"
            );
        }
        let uses = Arc::clone(self);
        tokio::spawn(async move {
            let _ = used.await;
            if uses.overdue.fetch_sub(1, Ordering::AcqRel) == 1 {
                tracing::info!("the host keeps rows in {} again", uses.path.display());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, mpsc};
    use std::time::Instant;

    const LIMIT: Duration = Duration::from_millis(200);

    fn uses() -> Arc<Uses> {
        Arc::new(Uses { time_limit: LIMIT, ..Uses::new("/a disk/store.redb".into()) })
    }

    #[tokio::test]
    async fn a_disk_that_hangs_has_a_few_threads_and_is_not_used_until_it_answers() {
        let uses = uses();
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let begun = Arc::new(AtomicUsize::new(0));
        let hangs = || {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            uses.run(move || {
                begun.fetch_add(1, Ordering::Relaxed);
                let _ = gate.lock().map(|gate| gate.recv());
                Ok(())
            })
        };
        let outcomes = futures_util::future::join_all((0..50).map(|_| hangs())).await;
        for outcome in outcomes {
            let error = format!("{:?}", outcome.unwrap_err());
            assert!(error.contains("/a disk/store.redb did not answer within 0.2 s; is its disk well?"), "{error}");
        }
        assert!(uses.hang());
        assert_eq!(begun.load(Ordering::Relaxed), AT_A_TIME);
        drop(open);
        let since = Instant::now();
        while uses.hang() {
            assert!(since.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(uses.run(|| Ok(7)).await.ok(), Some(7));
    }
}
