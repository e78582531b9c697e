//! Kept answers and fetches under way by their keys, within a budget of bytes. The store does not look into an answer.

use crate::file_fingerprint::FileFingerprint;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, request};
use image_service_telemetry::metrics;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The key of a request: requests with equal keys share answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    host: Option<HeaderValue>,
    target: Option<PathAndQuery>,
}

impl Key {
    pub(super) fn of(request: &request::Parts) -> Self {
        Self { host: request.headers.get(HOST).cloned(), target: request.uri.path_and_query().cloned() }
    }
}

/// An answer that is being fetched; it is there once its head is.
pub(super) type Coming<A> = watch::Receiver<Option<Arc<A>>>;

struct Slot<A> {
    /// With the number of its fetch.
    kept: Option<(u64, Arc<A>)>,
    fetch: Option<Fetch<A>>,
    /// When it was looked at last, on the store's own clock.
    looked: u64,
}

impl<A> Default for Slot<A> {
    fn default() -> Self {
        Self { kept: None, fetch: None, looked: 0 }
    }
}

struct Fetch<A> {
    number: u64,
    fingerprint: FileFingerprint,
    coming: Coming<A>,
}

/// Whether a request fetches the answer or follows another request.
pub(super) enum Role<A> {
    /// Another request fetches it already.
    Follow(Coming<A>),
    /// The one that asked has to; this tells the others.
    Lead(u64, watch::Sender<Option<Arc<A>>>),
}

/// Keeps answers of the type `A`.
pub(super) struct Store<A> {
    limit: usize,
    used: Arc<AtomicUsize>,
    clock: AtomicU64,
    slots: Mutex<HashMap<Key, Slot<A>>>,
}

impl<A> Store<A> {
    /// An empty store with a budget in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: Arc::default(), clock: AtomicU64::new(0), slots: Mutex::default() }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Slot<A>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// The bytes in use. The owner of a reservation subtracts it at its end.
    pub(super) fn used(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.used)
    }

    /// The bytes of all that is kept.
    pub(super) fn bytes(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes bytes, from the answers that were not asked for the longest where there are too few; whether they could be had.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        loop {
            let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
            if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok() {
                return true;
            }
            let mut slots = self.slots();
            let kept = slots.iter().filter(|(_, slot)| slot.kept.is_some());
            let Some(oldest) = kept.min_by_key(|(_, slot)| slot.looked).map(|(key, _)| key.clone()) else {
                return false;
            };
            let evicted = slots.get_mut(&oldest).and_then(|slot| slot.kept.take());
            Self::tidy(&mut slots, &oldest);
            drop(slots);
            drop(evicted);
            metrics::cache_evicted();
        }
    }

    /// The answer that is kept.
    pub(super) fn kept(&self, key: &Key) -> Option<Arc<A>> {
        let mut slots = self.slots();
        let slot = slots.get_mut(key)?;
        slot.looked = self.tick();
        slot.kept.as_ref().map(|(_, answer)| Arc::clone(answer))
    }

    /// Who fetches: another request that began already, unless `anew`, or the one that asks.
    pub(super) fn role(&self, key: &Key, fingerprint: FileFingerprint, anew: bool) -> Role<A> {
        let mut slots = self.slots();
        let slot = slots.entry(key.clone()).or_default();
        if let Some(fetch) = &slot.fetch
            && fetch.fingerprint == fingerprint
            && !anew
        {
            return Role::Follow(fetch.coming.clone());
        }
        let (sender, coming) = watch::channel(None);
        let number = self.tick();
        slot.fetch = Some(Fetch { number, fingerprint, coming });
        slot.looked = number;
        Role::Lead(number, sender)
    }

    /// The fetch of this number has ended. `answer` replaces an answer of an earlier fetch.
    pub(super) fn fetched(&self, key: &Key, number: u64, answer: Option<Arc<A>>) {
        let mut slots = self.slots();
        let slot = slots.entry(key.clone()).or_default();
        slot.fetch.take_if(|fetch| fetch.number == number);
        let newest = slot.kept.as_ref().is_none_or(|(kept, _)| *kept < number);
        let replaced = answer.filter(|_| newest).and_then(|answer| slot.kept.replace((number, answer)));
        Self::tidy(&mut slots, key);
        drop(slots);
        drop(replaced);
    }

    fn tidy(slots: &mut HashMap<Key, Slot<A>>, key: &Key) {
        if slots.get(key).is_some_and(|slot| slot.kept.is_none() && slot.fetch.is_none()) {
            slots.remove(key);
        }
    }
}
