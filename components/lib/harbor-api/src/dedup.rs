//! Finds repeated rows of one list: a list that changes during the reading shows some rows twice.

use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

/// A row with a key that no other row of its list has.
pub(crate) trait UniqueKey {
    /// The repository, in a list of several repositories, and the name or digest.
    fn unique_key(&self) -> (Option<&str>, &str);
}

/// A row that is equal to another one when their keys are. The key stays where it is, in the row.
pub(crate) struct ByKey<T>(pub(crate) T);

impl<T: UniqueKey> PartialEq for ByKey<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.unique_key() == other.0.unique_key()
    }
}

impl<T: UniqueKey> Eq for ByKey<T> {}

impl<T: UniqueKey> Hash for ByKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.unique_key().hash(state);
    }
}

/// The keys of the latest rows of a long list. They suffice to recognise the rows that pushes moved onto a later page, and
/// take an amount of memory that does not grow with the list.
pub(crate) struct DedupWindow<K> {
    order: VecDeque<K>,
    set: HashSet<K>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone> DedupWindow<K> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { order: VecDeque::new(), set: HashSet::new(), capacity }
    }

    /// Adds a key; `false` when the window has it already.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        if !self.set.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_knows_recent_keys_and_forgets_old_ones() {
        let mut window = DedupWindow::new(2);
        assert!(window.insert(1) && window.insert(2));
        assert!(!window.insert(1));
        assert!(window.insert(3));
        assert!(window.insert(1), "1 was the oldest of three");
        assert_eq!(window.set.len(), 2);
    }
}
