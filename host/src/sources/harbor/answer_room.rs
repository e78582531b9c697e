//! The room for Harbor's answers that the host holds for one instance, until the component has read them. An instance that asks and
//! never reads waits before it asks further.
//!
//! Most answers are small, and each may be small when it begins: a request takes a place for a small answer before it is sent. An
//! answer that becomes larger takes one of few large places as well. Where none is free, the request gives up what came, waits, and
//! is sent again: so nobody waits who keeps others from Harbor.

use bytes::Bytes;
use image_service_config::Limits;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most bytes of a small answer.
const SMALL_BYTES: usize = 1024 * 1024;
/// The share of `limits_config.max_memory` that all places take, in quarters: an instance needs some memory of its own.
const QUARTERS: usize = 3;

/// The room of one instance.
#[derive(Clone, Debug)]
pub struct AnswerRoom {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl AnswerRoom {
    /// The room of an instance within these limits: a half of it for small answers, a half for large ones, at least one of each.
    pub fn of(limits: &Limits) -> Self {
        let half = limits.max_memory / 4 * QUARTERS / 2;
        let places = |bytes: usize| Arc::new(Semaphore::new((half / bytes).clamp(1, Semaphore::MAX_PERMITS)));
        Self { small: places(SMALL_BYTES), large: places(limits.max_upstream_bytes.max(SMALL_BYTES)) }
    }

    /// Waits for a place.
    pub(super) async fn enter(&self) -> Place {
        // The semaphores are never closed.
        let small = Arc::clone(&self.small).acquire_owned().await.ok();
        Place { _small: small, large: Mutex::default(), room: Some(self.clone()), was_too_small: AtomicBool::default() }
    }
}

/// A place for one answer, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Place {
    _small: Option<OwnedSemaphorePermit>,
    large: Mutex<Option<OwnedSemaphorePermit>>,
    /// `None` for a request of the program's own.
    room: Option<AnswerRoom>,
    was_too_small: AtomicBool,
}

impl Place {
    fn large(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes for which there is room, of so many at most.
    pub(super) fn bytes(&self, most: usize) -> usize {
        if self.room.is_none() || self.large().is_some() { most } else { most.min(SMALL_BYTES) }
    }

    /// Makes room for so many bytes, if it can be had at this moment.
    pub(super) fn may_hold(&self, bytes: usize) -> bool {
        let Some(room) = &self.room else { return true };
        let mut large = self.large();
        if bytes > SMALL_BYTES && large.is_none() {
            *large = Arc::clone(&room.large).try_acquire_owned().ok();
            if large.is_none() {
                self.was_too_small.store(true, Ordering::Relaxed);
                return false;
            }
        }
        true
    }

    /// Whether there was no room for an answer. Waits until there is.
    pub(super) async fn was_too_small(&self) -> bool {
        let was_too_small = self.was_too_small.swap(false, Ordering::Relaxed);
        if let Some(room) = self.room.as_ref().filter(|_| was_too_small) {
            let permit = Arc::clone(&room.large).acquire_owned().await.ok();
            *self.large() = permit;
        }
        was_too_small
    }

    /// The body, which has this place until its last byte is read.
    pub(super) fn hold(mut self, body: Bytes) -> Bytes {
        if body.len() <= SMALL_BYTES {
            self.large = Mutex::default();
        }
        if self.room.is_some() { Bytes::from_owner(Held { body, _place: self }) } else { body }
    }
}

/// A body in its place.
struct Held {
    body: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const MIB: usize = 1024 * 1024;

    fn room(max_memory: usize) -> AnswerRoom {
        let mut limits = image_service_config::parse("{}", std::path::Path::new("")).unwrap().0.limits;
        limits.max_memory = max_memory * MIB;
        AnswerRoom::of(&limits)
    }

    #[tokio::test]
    async fn an_instance_that_reads_nothing_gets_so_many_answers_and_no_more() {
        let room = room(64);
        let mut held = Vec::new();
        while let Some(place) = room.enter().now_or_never() {
            held.push(place.hold(Bytes::from_static(b"small")));
        }
        assert_eq!(held.len(), 24);
        held.pop();
        assert!(room.enter().now_or_never().is_some(), "one was read");
    }

    #[tokio::test]
    async fn a_large_answer_waits_until_another_one_is_read_and_a_small_one_does_not() {
        let room = room(64);
        let first = room.enter().await;
        assert!(first.may_hold(MIB + 1) && !first.was_too_small().await);
        let first = first.hold(vec![0; MIB + 1].into());
        let second = room.enter().await;
        assert!(second.may_hold(MIB) && !second.may_hold(MIB + 1));
        assert_eq!(second.bytes(9 * MIB), MIB);
        let mut waiting = Box::pin(second.was_too_small());
        assert!((&mut waiting).now_or_never().is_none());
        let rest = first.slice(1..);
        drop(first);
        assert!((&mut waiting).now_or_never().is_none(), "a part of it is held still");
        drop(rest);
        assert!(waiting.await && second.may_hold(MIB + 1) && second.bytes(9 * MIB) == 9 * MIB);
        // It was thought to become large.
        let _small = second.hold(Bytes::new());
        assert!(room.enter().await.may_hold(MIB + 1));
    }

    #[tokio::test]
    async fn all_together_are_less_than_the_memory_of_the_instance_and_one_may_always_come() {
        for memory in [8, 32, 64, 256, 4096] {
            let room = room(memory);
            let (small, large) = (room.small.available_permits(), room.large.available_permits());
            assert!(small >= 1 && large >= 1);
            assert!(memory < 128 || small * SMALL_BYTES + large * 32 * MIB <= memory * MIB / 4 * 3, "{memory}");
        }
        assert_eq!(room(256).large.available_permits(), 3);
    }
}
