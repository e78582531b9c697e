//! A body that one source writes once and that any number of readers read, each at its own pace.
//!
//! The body keeps all of its chunks while the store has room. After that it holds only the chunks that its slowest reader
//! has not read yet, the source waits for that reader, and no new reader can begin.

use super::store::Store;
use crate::response::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The body, as far as it has arrived.
pub(super) struct BroadcastBody {
    state: Mutex<State>,
    /// Wakes readers: a new chunk, or the end.
    more: Notify,
    /// Wakes the source: a reader has read a chunk.
    room: Notify,
    used: Arc<AtomicUsize>,
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
    /// The number of the chunk that each reader reads next.
    readers: BTreeMap<u64, usize>,
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

/// The body has no reader, and the cache can't keep it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Abandoned;

impl State {
    /// Drops the chunks that every reader has read, once the body can't be kept.
    fn drop_read_chunks(&mut self) {
        if self.overflowed {
            let needed = self.readers.values().copied().min().unwrap_or(usize::MAX);
            while self.first < needed && self.chunks.pop_front().is_some() {
                self.first += 1;
            }
        }
    }
}

impl BroadcastBody {
    /// An empty body. To keep it takes `overhead` bytes besides its own.
    pub(super) fn new<A>(store: &Store<A>, overhead: usize) -> Arc<Self> {
        let state = Mutex::new(State { overhead, ..State::default() });
        Arc::new(Self { state, more: Notify::new(), room: Notify::new(), used: store.used() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk. Waits for the slowest reader where the store has no room.
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
                if state.overflowed && state.readers.is_empty() {
                    return Err(Abandoned);
                }
                if !state.overflowed || state.chunks.is_empty() {
                    state.chunks.push_back(chunk);
                    break;
                }
            }
            self.room.notified().await;
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
        state.readers.insert(number, 0);
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
                let next = state.readers.get(&self.number).copied()?;
                if let Some(chunk) = state.chunks.get(next - state.first).cloned() {
                    state.readers.insert(self.number, next + 1);
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
        let shared = BroadcastBody::new(&store, 0);
        let early = shared.reader().unwrap();
        shared.push(chunk(1), &store).await.unwrap();
        let late = shared.reader().unwrap();
        shared.push(chunk(2), &store).await.unwrap();
        shared.end(End::Complete);
        let all = vec![chunk(1), chunk(2)];
        assert_eq!((rest(early).await, rest(late).await), (all.clone(), all.clone()));
        assert_eq!((rest(shared.reader().unwrap()).await, shared.complete_chunks()), (all.clone(), Some(all)));
    }

    #[tokio::test]
    async fn without_room_the_source_waits_for_the_slowest_reader() {
        let store = Store::<()>::new(15);
        let shared = BroadcastBody::new(&store, 0);
        let (mut fast, mut slow) = (shared.reader().unwrap(), shared.reader().unwrap());
        shared.push(chunk(1), &store).await.unwrap();
        assert_eq!(fast.next().await.unwrap().unwrap(), chunk(1));
        let mut push = Box::pin(shared.push(chunk(2), &store));
        assert!((&mut push).now_or_never().is_none(), "the slow reader has not read the first chunk");
        assert!(shared.reader().is_none(), "no new reader can begin");
        assert_eq!(slow.next().await.unwrap().unwrap(), chunk(1));
        push.await.unwrap();
        drop(slow);
        assert_eq!(fast.next().await.unwrap().unwrap(), chunk(2));
        shared.push(chunk(3), &store).await.unwrap();
        shared.end(End::Complete);
        assert_eq!((rest(fast).await, shared.complete_chunks()), (vec![chunk(3)], None));
    }

    #[tokio::test]
    async fn a_body_whose_writer_panics_breaks_off_for_its_readers() {
        let store = Store::<()>::new(100);
        let shared = BroadcastBody::new(&store, 0);
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
        let whole = BroadcastBody::new(&store, 0);
        let end = whole.end_with_writer();
        whole.end(End::Complete);
        drop(end);
        assert!(whole.reader().unwrap().next().await.is_none());
    }

    #[tokio::test]
    async fn a_body_without_readers_is_abandoned_when_the_store_has_no_room() {
        let store = Store::<()>::new(15);
        let shared = BroadcastBody::new(&store, 0);
        shared.push(chunk(1), &store).await.unwrap();
        assert_eq!(shared.push(chunk(2), &store).await, Err(Abandoned));
    }

    #[tokio::test]
    async fn readers_of_a_broken_body_get_an_error() {
        let store = Store::<()>::new(100);
        let shared = BroadcastBody::new(&store, 0);
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
        let shared = BroadcastBody::new(&store, 0);
        shared.push(chunk(1), &store).await.unwrap();
        assert!(!store.reserve(10));
        drop(shared);
        assert!(store.reserve(10));
    }
}
