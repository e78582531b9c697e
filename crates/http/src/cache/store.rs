//! Kept answers and running fetches by their keys, within a budget of bytes. The store does not look into an answer.
//!
//! By hand on purpose: moka asks for the size of an entry when it is put in. Here an answer grows while clients read it, and
//! counts against the budget from its first byte.

use crate::routes::Route;
use http::request;
use http::uri::PathAndQuery;
use image_service_config::regular_file::Fingerprint;
use image_service_memory::{BUDGET, Purpose};
use image_service_telemetry::metrics;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The key of a request: requests with equal keys share answers. Clients also share what the program itself asked for. The host
/// that a client names is no part of it, as the composition does not learn it: each made-up name would list the registry anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    of_program: bool,
    target: Option<PathAndQuery>,
}

impl Key {
    pub(super) fn of(request: &request::Parts) -> Self {
        // The listing has no query, so a query makes no other answer of it.
        let target = match Route::of(request.uri.path()) {
            Route::Images => Some(PathAndQuery::from_static(Route::Images.label())),
            _ => request.uri.path_and_query().cloned(),
        };
        Self { of_program: false, target }
    }

    /// The key of the program's own request for the same.
    pub(super) fn of_program(&self) -> Self {
        Self { of_program: true, target: self.target.clone() }
    }
}

/// An answer that a request is fetching; set once its head has arrived.
pub(super) type PendingAnswer<A> = watch::Receiver<Option<Arc<A>>>;

struct Slot<A> {
    /// The kept answer, with the number of its fetch.
    stored: Option<(u64, Arc<A>)>,
    fetch: Option<Fetch<A>>,
    /// The store's clock when a request last asked for it.
    last_used: u64,
}

impl<A> Default for Slot<A> {
    fn default() -> Self {
        Self { stored: None, fetch: None, last_used: 0 }
    }
}

struct Fetch<A> {
    number: u64,
    fingerprint: Option<Fingerprint>,
    answer: PendingAnswer<A>,
}

/// Whether a request fetches the answer or follows another request.
pub(super) enum Role<A> {
    /// Another request fetches it.
    Follow(PendingAnswer<A>),
    /// This request fetches it, under this number, and sends it to its followers.
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

    /// The counter of reserved bytes. Whoever reserves bytes subtracts them at the end.
    pub(super) fn used(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.used)
    }

    /// The number of reserved bytes.
    pub(super) fn bytes(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Reserves bytes, and evicts the least recently used answers where there are too few; `false` if that is not enough, or where
    /// the program is short of memory: then the least recently used answer goes, too.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        if BUDGET.take(bytes as u64, Purpose::Keep).is_err() {
            self.evict();
            return false;
        }
        loop {
            let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
            if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok() {
                return true;
            }
            if !self.evict() {
                return false;
            }
        }
    }

    /// Evicts the least recently used answer; `false` where there is none.
    fn evict(&self) -> bool {
        let mut slots = self.slots();
        let stored = slots.iter().filter(|(_, slot)| slot.stored.is_some());
        let Some(oldest) = stored.min_by_key(|(_, slot)| slot.last_used).map(|(key, _)| key.clone()) else {
            return false;
        };
        let evicted = slots.get_mut(&oldest).and_then(|slot| slot.stored.take());
        Self::remove_if_empty(&mut slots, &oldest);
        drop(slots);
        drop(evicted);
        metrics::cache_evicted();
        true
    }

    /// The kept answer: that to this key, or the one that the program asked for.
    pub(super) fn get(&self, key: &Key) -> Option<Arc<A>> {
        let mut slots = self.slots();
        let mut stored = |key: &Key| {
            let slot = slots.get_mut(key)?;
            slot.last_used = self.tick();
            slot.stored.as_ref().map(|(_, answer)| Arc::clone(answer))
        };
        stored(key).or_else(|| stored(&key.of_program()))
    }

    /// Joins the fetch of another request, or starts one. With `no_cache`, always starts one.
    pub(super) fn role(&self, key: &Key, fingerprint: Option<Fingerprint>, no_cache: bool) -> Role<A> {
        let mut slots = self.slots();
        let under_way = |key: &Key| slots.get(key)?.fetch.as_ref().filter(|fetch| fetch.fingerprint == fingerprint);
        if !no_cache && let Some(fetch) = under_way(key).or_else(|| under_way(&key.of_program())) {
            return Role::Follow(fetch.answer.clone());
        }
        let slot = slots.entry(key.clone()).or_default();
        let (sender, answer) = watch::channel(None);
        let number = self.tick();
        slot.fetch = Some(Fetch { number, fingerprint, answer });
        slot.last_used = number;
        Role::Lead(number, sender)
    }

    /// Ends the fetch of this number. `answer` replaces the answer of an earlier fetch.
    pub(super) fn finish_fetch(&self, key: &Key, number: u64, answer: Option<Arc<A>>) {
        let mut slots = self.slots();
        let slot = slots.entry(key.clone()).or_default();
        slot.fetch.take_if(|fetch| fetch.number == number);
        let newest = slot.stored.as_ref().is_none_or(|(stored, _)| *stored < number);
        let answer = answer.filter(|_| newest);
        let for_clients = answer.is_some() && !key.of_program;
        let replaced = answer.and_then(|answer| slot.stored.replace((number, answer)));
        Self::remove_if_empty(&mut slots, key);
        // It takes the place of what the program asked for.
        let program = Some(key.of_program()).filter(|_| for_clients);
        let outdated = program.as_ref().and_then(|program| slots.get_mut(program)?.stored.take());
        program.inspect(|program| Self::remove_if_empty(&mut slots, program));
        drop(slots);
        drop((replaced, outdated));
    }

    fn remove_if_empty(slots: &mut HashMap<Key, Slot<A>>, key: &Key) {
        if slots.get(key).is_some_and(|slot| slot.stored.is_none() && slot.fetch.is_none()) {
            slots.remove(key);
        }
    }
}
