//! Numbers for ids: unlike any other, cheap, and no secret.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// A number other than 0. Each thread has a sequence of its own (SplitMix64), begun at what the system gives as random.
pub(in crate::telemetry) fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(std::thread::current().id()));
    }
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).max(1)
    })
}
