//! A body that one source writes once and that any number of readers read, each at its own pace.
//!
//! The body keeps all of its chunks while the store has room. After that it holds only the chunks that its slowest reader
//! has not read yet, within a window, and no new reader can begin. The source waits for the slowest reader when the window is full;
//! a reader who holds the others up for too long is cut off.

use super::store::Store;
use crate::response::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes that a slow reader may be behind the others once the body can't be kept.
const WINDOW_BYTES: usize = 256 * 1024;
/// How long one reader may hold the others up, in all.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// The same of a body that is made from another one, so that its readers are cut off before all of it is.
pub(super) const PATIENCE_OF_COPY: Duration = Duration::from_secs(1);

/// The body, as far as it has arrived.
pub(super) struct BroadcastBody {
    state: Mutex<State>,
    /// Wakes readers: a new chunk, or the end.
    more: Notify,
    /// Wakes the source: a reader has read a chunk.
    room: Notify,
    used: Arc<AtomicUsize>,
    /// How long one reader may hold the others up.
    patience: Duration,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    /// The number of the first chunk that is held.
    first: usize,
    /// Bytes to reserve in the store with the first chunk, besides its own.
    overhead: usize,
    /// Bytes reserved in the store.
    reserved: usize,
    /// Whether the store had no room, so that the body can't be kept.
    overflowed: bool,
    end: Option<End>,
    readers: BTreeMap<u64, Progress>,
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The number of the chunk that it reads next.
    next: usize,
    /// How long it has held the others up.
    held_up: Duration,
    /// Whether it was cut off.
    is_cut_off: bool,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its last byte.
    Complete,
    /// Before its last byte.
    Broken,
}

/// The body ended before its last byte.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off before its end")]
struct BrokenOff;

/// The reader was too slow for the others.
#[derive(Debug, thiserror::Error)]
#[error("the client took the answer so slowly that others waited for it")]
struct TooSlow;

/// The body has no reader, and the cache can't keep it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Abandoned;

impl State {
    /// Drops the chunks that every reader has read, once the body can't be kept.
    fn drop_read_chunks(&mut self) {
        if self.overflowed {
            let needed = self.slowest().unwrap_or(usize::MAX);
            while self.first < needed && self.chunks.pop_front().is_some() {
                self.first += 1;
            }
        }
    }

    /// The readers that were not cut off.
    fn reading(&mut self) -> impl Iterator<Item = &mut Progress> {
        self.readers.values_mut().filter(|reader| !reader.is_cut_off)
    }

    /// The number of the chunk that the slowest reader reads next.
    fn slowest(&mut self) -> Option<usize> {
        self.reading().map(|reader| reader.next).min()
    }

    /// Whether the body may take so many bytes more.
    fn has_room(&self, bytes: usize) -> bool {
        let held = || self.chunks.iter().map(Bytes::len).sum::<usize>();
        !self.overflowed || self.chunks.is_empty() || held().saturating_add(bytes) <= WINDOW_BYTES
    }

    /// Counts the time that the slowest readers have held up those who wait for more, and cuts off whoever did so for too long.
    fn count_hold_up(&mut self, passed: Duration, patience: Duration) {
        let end = self.first + self.chunks.len();
        let slowest = self.slowest().unwrap_or(end);
        if slowest == end || self.reading().all(|reader| reader.next < end) {
            return;
        }
        for reader in self.reading().filter(|reader| reader.next == slowest) {
            reader.held_up = reader.held_up.saturating_add(passed);
            reader.is_cut_off = reader.held_up >= patience;
        }
        self.drop_read_chunks();
    }
}

impl BroadcastBody {
    /// An empty body. To keep it takes `overhead` bytes besides its own.
    pub(super) fn new<A>(store: &Store<A>, overhead: usize, patience: Duration) -> Arc<Self> {
        let state = Mutex::new(State { overhead, ..State::default() });
        Arc::new(Self { state, more: Notify::new(), room: Notify::new(), used: store.used(), patience })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk. Waits for the slowest reader where neither the store nor the window has room.
    pub(super) async fn push<A>(&self, chunk: Bytes, store: &Store<A>) -> Result<(), Abandoned> {
        let (overflowed, overhead) = {
            let mut state = self.state();
            (state.overflowed, std::mem::take(&mut state.overhead))
        };
        if !overflowed {
            // The store may drop other bodies here, so this body holds no lock.
            let needed = chunk.len() + overhead;
            let reserved = store.reserve(needed);
            let mut state = self.state();
            if reserved {
                state.reserved += needed;
            } else {
                state.overflowed = true;
                state.drop_read_chunks();
                drop(state);
                self.more.notify_waiters();
            }
        }
        loop {
            {
                let mut state = self.state();
                if state.overflowed && state.reading().next().is_none() {
                    return Err(Abandoned);
                }
                if state.has_room(chunk.len()) {
                    state.chunks.push_back(chunk);
                    break;
                }
            }
            let begun = Instant::now();
            let _ = timeout(self.patience, self.room.notified()).await;
            self.state().count_hold_up(begun.elapsed(), self.patience);
            // Whoever was cut off learns it.
            self.more.notify_waiters();
        }
        self.more.notify_waiters();
        Ok(())
    }

    /// Ends the body: no chunk follows.
    pub(super) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.more.notify_waiters();
    }

    /// Breaks the body off when the result is dropped, unless it has ended: whoever writes it may panic, and its readers would
    /// wait for ever.
    pub(super) fn end_with_writer(self: &Arc<Self>) -> EndWithWriter {
        EndWithWriter(Arc::clone(self))
    }

    /// Waits until the body has ended or can't be kept.
    pub(super) async fn settled(&self) {
        loop {
            let mut more = pin!(self.more.notified());
            more.as_mut().enable();
            {
                let state = self.state();
                if state.overflowed || state.end.is_some() {
                    return;
                }
            }
            more.await;
        }
    }

    /// All chunks that have arrived; `None` where there are none, or where some were dropped.
    pub(super) fn kept_chunks(&self) -> Option<Vec<Bytes>> {
        let state = self.state();
        let is_kept = !state.overflowed && !state.chunks.is_empty();
        is_kept.then(|| state.chunks.iter().cloned().collect())
    }

    /// The same for a complete body; `None` before its end.
    pub(super) fn complete_chunks(&self) -> Option<Vec<Bytes>> {
        let complete = self.state().end == Some(End::Complete);
        complete.then(|| self.kept_chunks()).flatten()
    }

    /// Reads from the beginning; `None` where the beginning is gone.
    pub(super) fn reader(self: &Arc<Self>) -> Option<Reader> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        if state.overflowed {
            return None;
        }
        state.readers.insert(number, Progress::default());
        Some(Reader { shared: Arc::clone(self), number })
    }
}

impl Drop for BroadcastBody {
    fn drop(&mut self) {
        let reserved = self.state().reserved;
        self.used.fetch_sub(reserved, Ordering::Relaxed);
    }
}

/// Breaks a body off that has not ended when this is dropped.
#[must_use]
pub(super) struct EndWithWriter(Arc<BroadcastBody>);

impl Drop for EndWithWriter {
    fn drop(&mut self) {
        self.0.end(End::Broken);
    }
}

/// Reads a body, at its own pace.
pub(super) struct Reader {
    shared: Arc<BroadcastBody>,
    number: u64,
}

impl Reader {
    /// Waits for the next chunk; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            let mut more = pin!(self.shared.more.notified());
            more.as_mut().enable();
            {
                let mut state = self.shared.state();
                let Progress { next, is_cut_off, .. } = state.readers.get(&self.number).copied()?;
                if is_cut_off {
                    state.readers.remove(&self.number);
                    return Some(Err(TooSlow.into()));
                }
                if let Some(chunk) = state.chunks.get(next - state.first).cloned() {
                    if let Some(progress) = state.readers.get_mut(&self.number) {
                        progress.next += 1;
                    }
                    state.drop_read_chunks();
                    self.shared.room.notify_one();
                    return Some(Ok(chunk));
                }
                match state.end {
                    Some(End::Complete) => return None,
                    Some(End::Broken) => {
                        state.readers.remove(&self.number);
                        return Some(Err(BrokenOff.into()));
                    }
                    None => {}
                }
            }
            more.await;
        }
    }

    /// The reader as the body of an answer.
    pub(super) fn into_body(self) -> impl Body<Data = Bytes, Error = BoxError> + Send {
        StreamBody::new(futures_util::stream::unfold(self, |mut reader| async {
            let chunk = reader.next().await?;
            Some((chunk.map(Frame::data), reader))
        }))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.readers.remove(&self.number);
        state.drop_read_chunks();
        drop(state);
        self.shared.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn chunk(byte: u8) -> Bytes {
        Bytes::from(vec![byte; 10])
    }

    async fn rest(mut reader: Reader) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        while let Some(chunk) = reader.next().await {
            chunks.push(chunk.unwrap());
        }
        chunks
    }

    #[tokio::test]
    async fn every_reader_gets_the_whole_body_whenever_it_begins() {
        let store = Store::<()>::new(100);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        let early = shared.reader().unwrap();
        shared.push(chunk(1), &store).await.unwrap();
        let late = shared.reader().unwrap();
        shared.push(chunk(2), &store).await.unwrap();
        shared.end(End::Complete);
        let all = vec![chunk(1), chunk(2)];
        assert_eq!((rest(early).await, rest(late).await), (all.clone(), all.clone()));
        assert_eq!((rest(shared.reader().unwrap()).await, shared.complete_chunks()), (all.clone(), Some(all)));
    }

    /// A chunk that fills the window.
    fn wide(byte: u8) -> Bytes {
        Bytes::from(vec![byte; WINDOW_BYTES])
    }

    #[tokio::test]
    async fn without_room_the_source_waits_for_the_slowest_reader() {
        let store = Store::<()>::new(15);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        let (mut fast, mut slow) = (shared.reader().unwrap(), shared.reader().unwrap());
        shared.push(chunk(1), &store).await.unwrap();
        assert_eq!(fast.next().await.unwrap().unwrap(), chunk(1));
        let mut push = Box::pin(shared.push(wide(2), &store));
        assert!((&mut push).now_or_never().is_none(), "the slow reader has not read the first chunk");
        assert!(shared.reader().is_none(), "no new reader can begin");
        assert_eq!(slow.next().await.unwrap().unwrap(), chunk(1));
        push.await.unwrap();
        drop(slow);
        assert_eq!(fast.next().await.unwrap().unwrap(), wide(2));
        shared.push(chunk(3), &store).await.unwrap();
        shared.end(End::Complete);
        assert_eq!((rest(fast).await, shared.complete_chunks()), (vec![chunk(3)], None));
    }

    #[tokio::test]
    async fn within_the_window_nobody_waits() {
        let store = Store::<()>::new(0);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        // A reader begins before the first chunk, or never.
        let (fast, slow) = (shared.reader().unwrap(), shared.reader().unwrap());
        for byte in 0..10 {
            assert_eq!(shared.push(chunk(byte), &store).now_or_never(), Some(Ok(())));
        }
        shared.end(End::Complete);
        assert_eq!((rest(fast).await.len(), rest(slow).await.len()), (10, 10));
    }

    #[tokio::test]
    async fn whoever_holds_the_others_up_for_too_long_is_cut_off_and_the_others_get_all() {
        let store = Store::<()>::new(0);
        let patience = Duration::from_millis(50);
        let shared = BroadcastBody::new(&store, 0, patience);
        let (fast, mut slow) = (shared.reader().unwrap(), shared.reader().unwrap());
        let fast = tokio::spawn(rest(fast));
        for byte in 0..3 {
            shared.push(wide(byte), &store).await.unwrap();
        }
        shared.end(End::Complete);
        assert_eq!(fast.await.unwrap(), [wide(0), wide(1), wide(2)]);
        let refused = slow.next().await.unwrap().unwrap_err().to_string();
        assert!(refused.contains("so slowly that others waited"), "{refused}");
        assert!(slow.next().await.is_none());
    }

    #[tokio::test]
    async fn whoever_is_alone_may_take_any_time() {
        let store = Store::<()>::new(0);
        let shared = BroadcastBody::new(&store, 0, Duration::ZERO);
        let mut alone = shared.reader().unwrap();
        shared.push(wide(1), &store).await.unwrap();
        let mut push = Box::pin(shared.push(wide(2), &store));
        for _ in 0..10 {
            assert!((&mut push).now_or_never().is_none());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(alone.next().await.unwrap().unwrap(), wide(1));
        push.await.unwrap();
        assert_eq!(alone.next().await.unwrap().unwrap(), wide(2));
    }

    #[tokio::test]
    async fn a_body_whose_writer_panics_breaks_off_for_its_readers() {
        let store = Store::<()>::new(100);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        let mut reader = shared.reader().unwrap();
        let writer = Arc::clone(&shared);
        let written = tokio::spawn(async move {
            let _end = writer.end_with_writer();
            writer.push(chunk(1), &Store::<()>::new(100)).await.unwrap();
            panic!("told to");
        });
        assert!(written.await.unwrap_err().is_panic());
        assert_eq!(reader.next().await.unwrap().unwrap(), chunk(1));
        assert!(reader.next().await.unwrap().is_err());
        // The end that a writer gave stays.
        let whole = BroadcastBody::new(&store, 0, PATIENCE);
        let end = whole.end_with_writer();
        whole.end(End::Complete);
        drop(end);
        assert!(whole.reader().unwrap().next().await.is_none());
    }

    #[tokio::test]
    async fn a_body_without_readers_is_abandoned_when_the_store_has_no_room() {
        let store = Store::<()>::new(15);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        shared.push(chunk(1), &store).await.unwrap();
        assert_eq!(shared.push(chunk(2), &store).await, Err(Abandoned));
    }

    #[tokio::test]
    async fn readers_of_a_broken_body_get_an_error() {
        let store = Store::<()>::new(100);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        let mut reader = shared.reader().unwrap();
        shared.push(chunk(1), &store).await.unwrap();
        shared.end(End::Broken);
        assert_eq!(reader.next().await.unwrap().unwrap(), chunk(1));
        assert!(reader.next().await.unwrap().is_err());
        assert_eq!(shared.complete_chunks(), None);
    }

    #[tokio::test]
    async fn dropping_a_body_frees_its_bytes() {
        let store = Store::<()>::new(15);
        let shared = BroadcastBody::new(&store, 0, PATIENCE);
        shared.push(chunk(1), &store).await.unwrap();
        assert!(!store.reserve(10));
        drop(shared);
        assert!(store.reserve(10));
    }
}
