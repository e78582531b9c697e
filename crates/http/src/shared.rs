//! What several versions of the configuration share: a reload makes nothing anew that would be the same.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The values of a kind that are in use. Each goes with its last user.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Vec<Weak<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shared<T> {
    /// The value in use that `is_same`, or the one that `make` makes. `make` learns how many others are in use.
    ///
    /// # Errors
    ///
    /// When `make` fails.
    pub fn get_or_make<E>(
        &self,
        is_same: impl Fn(&T) -> bool,
        make: impl FnOnce(usize) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // Held while one is made: another caller may want the same.
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use: Vec<Arc<T>> = values.iter().filter_map(Weak::upgrade).collect();
        if let Some(value) = in_use.iter().rev().find(|value| is_same(value)) {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(make(in_use.len())?);
        *values = in_use.iter().chain([&value]).map(Arc::downgrade).collect();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn a_value_is_shared_for_as_long_as_it_is_in_use() {
        let shared = Shared::default();
        let get = |number| shared.get_or_make(|value| *value == number, |_| Ok::<_, Infallible>(number)).unwrap();
        let (one, other) = (get(1), get(2));
        assert!(Arc::ptr_eq(&one, &get(1)) && Arc::ptr_eq(&other, &get(2)));
        let gone = Arc::downgrade(&one);
        drop(one);
        assert!(gone.upgrade().is_none(), "nobody else holds it");
        assert_eq!(shared.get_or_make(|_| false, Err).unwrap_err(), 1, "one other is in use");
        assert_eq!(*get(1), 1);
    }
}
