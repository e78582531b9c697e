//! The allocator of the program, and how much memory it has.
//!
//! It is jemalloc, because glibc keeps much of what a large answer needed for as long as the program runs. `.cargo/config.toml`
//! sets that it gives memory back that was free for a quarter of a second.

use tikv_jemalloc_ctl::{epoch, stats};

/// The bytes that the allocator has from the system, those that were just freed included. It takes some microseconds to find out.
pub fn resident_bytes() -> u64 {
    // Both fail only where the allocator was built without statistics.
    let _ = epoch::advance();
    stats::resident::read().map_or(0, |bytes| bytes as u64)
}
