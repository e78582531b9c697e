//! How much the memory of an instance grows for a request, as far as earlier requests tell: a composition needs much for a large
//! registry, and nearly nothing for a small one.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is expected while nothing is known. The sample data need less, a hundred images of a real node about as much.
const LEAST_BYTES: u64 = 2 * 1024 * 1024;

/// The most that the memory of an instance grew for one request. It shrinks with each request, so that one which needed much is
/// forgotten after some dozen that did not.
#[derive(Debug, Default)]
pub(super) struct ExpectedGrowth(AtomicU64);

impl ExpectedGrowth {
    /// The expectation for a request that begins now.
    pub(super) fn bytes(&self) -> u64 {
        let shrunk = |bytes: u64| Some(bytes.saturating_sub(bytes / 16));
        let bytes = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, shrunk).unwrap_or_default();
        bytes.max(LEAST_BYTES)
    }

    /// Learns that the memory of an instance has grown so much since its request began.
    pub(super) fn grown(&self, bytes: u64) {
        self.0.fetch_max(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_needed_is_expected_of_the_next_ones_and_forgotten_in_time() {
        let expected = ExpectedGrowth::default();
        assert_eq!(expected.bytes(), LEAST_BYTES);
        expected.grown(64 * LEAST_BYTES);
        expected.grown(LEAST_BYTES);
        assert_eq!(expected.bytes(), 64 * LEAST_BYTES);
        assert!((0..100).any(|_| expected.bytes() == LEAST_BYTES));
    }
}
