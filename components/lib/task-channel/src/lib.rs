//! Hands what one task of a component makes to the calls that ask for it, one piece at a time.
//!
//! Rust's wakers do not reach from one task of a component to another (wit-bindgen's `inter-task-wakeup` would, in a way
//! that wasmtime 48 traps). So who waits reads from a stream that nothing is ever written to, and whoever has news drops
//! its other end.

#[allow(missing_docs, unsafe_code, unreachable_pub, dead_code, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "handover", generate_all });
}

use bindings::wit_stream;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wit_bindgen::StreamWriter;

/// The two ends: who makes something gives it to who asks for it.
pub fn handover<T>() -> (Giver<T>, Taker<T>) {
    let shared = Rc::new(Shared::default());
    (Giver(Rc::clone(&shared)), Taker(shared))
}

/// The end of the task that makes something. Once it is dropped, nothing more comes.
pub struct Giver<T>(Rc<Shared<T>>);

/// The end of those who ask. Once it is dropped, nothing more is wanted.
pub struct Taker<T>(Rc<Shared<T>>);

struct Shared<T> {
    /// What was given and not taken yet.
    piece: RefCell<Option<T>>,
    /// Whether one end is gone.
    over: Cell<bool>,
    news: Bell,
    room: Bell,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { piece: RefCell::default(), over: Cell::default(), news: Bell::default(), room: Bell::default() }
    }
}

impl<T> Giver<T> {
    /// Gives the next piece as soon as the one before is taken; `false` when nothing more is wanted.
    pub async fn give(&self, piece: T) -> bool {
        let Self(shared) = self;
        while !shared.over.get() {
            if shared.piece.borrow().is_none() {
                shared.piece.replace(Some(piece));
                shared.news.ring();
                return true;
            }
            shared.room.wait().await;
        }
        false
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.news.ring();
    }
}

impl<T> Taker<T> {
    /// Waits for the next piece; `None` when nothing more comes.
    pub async fn take(&self) -> Option<T> {
        let Self(shared) = self;
        loop {
            if let Some(piece) = shared.piece.take() {
                shared.room.ring();
                return Some(piece);
            }
            if shared.over.get() {
                return None;
            }
            shared.news.wait().await;
        }
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.room.ring();
    }
}

/// Wakes all that wait for it.
#[derive(Default)]
struct Bell(RefCell<Vec<StreamWriter<u8>>>);

impl Bell {
    /// Waits until it rings; what happened before is not waited for.
    async fn wait(&self) {
        let (writer, mut reader) = wit_stream::new();
        self.0.borrow_mut().push(writer);
        reader.read(Vec::with_capacity(1)).await;
    }

    fn ring(&self) {
        drop(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    // Where nothing has to be waited for. To wait takes a component: harbor does, in the tests of whole listings.

    #[test]
    fn what_is_given_is_taken_and_then_nothing_comes() {
        let (giver, taker) = handover();
        assert_eq!(giver.give(1).now_or_never(), Some(true));
        assert_eq!(taker.take().now_or_never(), Some(Some(1)));
        assert_eq!(giver.give(2).now_or_never(), Some(true));
        drop(giver);
        assert_eq!(taker.take().now_or_never(), Some(Some(2)), "what was given last is not lost");
        assert_eq!(taker.take().now_or_never(), Some(None));
    }

    #[test]
    fn where_nobody_asks_any_more_nothing_is_wanted() {
        let (giver, taker) = handover();
        assert_eq!(giver.give(1).now_or_never(), Some(true));
        drop(taker);
        assert_eq!(giver.give(2).now_or_never(), Some(false));
    }
}
