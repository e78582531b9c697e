//! Bounds of the memory that a listing takes. The instance of a component ends where its memory ends, and the rows of the node
//! end with it; so a listing fails before that.

use std::cell::Cell;
use std::rc::Rc;

const MIB: usize = 1024 * 1024;

/// Most bytes of the rows of one page.
pub(crate) const MAX_PAGE_BYTES: usize = 8 * MIB;

/// Most bytes of the rows of one list to buffer.
pub(crate) const MAX_BUFFERED_BYTES: usize = 4 * MIB;

/// Most names in the list of projects, and in the list of repositories of one project.
pub(crate) const MAX_NAMES: usize = 100_000;

/// Most bytes of the names of one such list.
pub(crate) const MAX_NAME_BYTES: usize = 8 * MIB;

/// Most bytes of the rows of all pages that wait for their turn, of all listings of an instance.
const MAX_WAITING_BYTES: usize = 32 * MIB;

thread_local! {
    static WAITING_PAGES: Budget = Budget::new(MAX_WAITING_BYTES);
}

/// The budget of the pages that wait for their turn.
pub(crate) fn waiting_pages() -> Budget {
    WAITING_PAGES.with(Budget::clone)
}

/// A number of bytes that several holders share.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Rc<Cell<usize>>,
    bytes: usize,
}

/// Bytes of a budget that are in use until this is dropped.
#[derive(Debug)]
pub struct Held {
    left: Rc<Cell<usize>>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { left: Rc::new(Cell::new(bytes)), bytes }
    }

    /// The bytes of the whole budget.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A holder of no bytes yet.
    #[must_use]
    pub fn hold(&self) -> Held {
        Held { left: Rc::clone(&self.left), bytes: 0 }
    }
}

impl Held {
    /// Takes so many more bytes; takes none and returns `false` where fewer are left.
    #[must_use]
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.get().checked_sub(bytes);
        if let Some(left) = left {
            self.left.set(left);
            self.bytes += bytes;
        }
        left.is_some()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.left.set(self.left.get() + self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_free_again_once_their_holder_is_dropped() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.hold(), budget.hold());
        assert!(one.take(6) && other.take(4));
        assert!(!other.take(1) && other.take(0));
        drop(one);
        assert!(other.take(6) && !other.take(1));
    }
}
