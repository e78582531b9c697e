//! What the server does when memory is short: it reads no more of clients that leave answers unread, and ends the connections with
//! most of them.

use image_service_memory::{BUDGET, Purpose};

/// A connection with fewer unread answers is read on and never ends: that would free next to nothing, and hit clients that do no harm.
pub(super) const LEAST_UNREAD: u64 = 8;
/// About what an unread answer takes, with its stream of HTTP/2.
const UNREAD_BYTES: u64 = 5 * 1024;

/// The bytes to free: what is used beyond the share for requests, and a sixteenth of all; 0 where memory is not short.
pub(super) fn bytes_to_free() -> u64 {
    match BUDGET.excess(Purpose::Accept) {
        0 => 0,
        excess => excess.saturating_add(BUDGET.limit() / 16),
    }
}

/// A connection that may end: its name, and its unread answers. They are in the order of their age, the oldest first.
pub(super) type Candidate<T> = (T, u64);

/// The connections whose end frees so many bytes, as far as they have them: the fattest first, and of equal ones the oldest.
pub(super) fn fattest<T>(candidates: impl IntoIterator<Item = Candidate<T>>, mut bytes: u64) -> Vec<T> {
    let mut candidates: Vec<_> = candidates.into_iter().filter(|(_, unread)| *unread >= LEAST_UNREAD).collect();
    // Stable, so that the oldest stay first.
    candidates.sort_by_key(|(_, unread)| std::cmp::Reverse(*unread));
    let ending = candidates.into_iter().take_while(|(_, unread)| {
        let is_needed = bytes > 0;
        bytes = bytes.saturating_sub(unread.saturating_mul(UNREAD_BYTES));
        is_needed
    });
    ending.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fattest_end_first_and_of_equal_ones_the_oldest_and_no_thin_one() {
        let candidates = [("old", 100), ("thin", 7), ("fat", 128), ("young", 100), ("small", 8)];
        assert_eq!(fattest(candidates, 1), ["fat"]);
        assert_eq!(fattest(candidates, 129 * UNREAD_BYTES), ["fat", "old"]);
        assert_eq!(fattest(candidates, u64::MAX), ["fat", "old", "young", "small"]);
        assert!(fattest(candidates, 0).is_empty());
    }
}
