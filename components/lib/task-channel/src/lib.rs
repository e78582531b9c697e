//! A channel between tasks of one component, with room for one value: one task sends, the calls to an exported resource
//! receive.
//!
//! The channels of `futures` and `tokio` do not serve here, because Rust's wakers do not reach from one task of a component
//! to another (wit-bindgen's `inter-task-wakeup` would wake it, by cancelling a read in a way that traps in wasmtime 48).
//! `Notify` wakes tasks through the component model instead: a task that waits reads from a stream to which nothing is ever
//! written, and the other task wakes it by dropping the stream's writing end.

#[allow(missing_docs, unsafe_code, unreachable_pub, dead_code, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/internal"],
        world: "image-service:internal/task-channel",
        generate_all,
    });
}

use bindings::wit_stream;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wit_bindgen::StreamWriter;

/// Makes a channel that holds one value at a time.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared::default());
    (Sender(Rc::clone(&shared)), Receiver(shared))
}

/// The sending end. Once it is dropped, [`Receiver::recv`] gives the last value and then `None`.
pub struct Sender<T>(Rc<Shared<T>>);

/// The receiving end. Once it is dropped, [`Sender::send`] fails.
pub struct Receiver<T>(Rc<Shared<T>>);

/// A value that was not sent because the receiving end is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError<T>(pub T);

struct Shared<T> {
    /// The value that was sent and not yet received.
    value: RefCell<Option<T>>,
    /// Whether one end is gone.
    closed: Cell<bool>,
    /// Wakes tasks that wait to receive.
    sent: Notify,
    /// Wakes tasks that wait to send.
    received: Notify,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            value: RefCell::default(),
            closed: Cell::default(),
            sent: Notify::default(),
            received: Notify::default(),
        }
    }
}

impl<T> Sender<T> {
    /// Sends a value when the receiver has taken the one before it.
    ///
    /// # Errors
    ///
    /// When the receiving end is gone, with the value.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        let Self(shared) = self;
        while !shared.closed.get() {
            if shared.value.borrow().is_none() {
                shared.value.replace(Some(value));
                shared.sent.notify_waiters();
                return Ok(());
            }
            shared.received.notified().await;
        }
        Err(SendError(value))
    }

    /// Waits until the receiver has taken what was sent, or is gone; whether it is still there.
    pub async fn taken(&self) -> bool {
        let Self(shared) = self;
        while !shared.closed.get() && shared.value.borrow().is_some() {
            shared.received.notified().await;
        }
        !shared.closed.get()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        self.0.sent.notify_waiters();
    }
}

impl<T> Receiver<T> {
    /// Waits for the next value; `None` when the sending end is gone and no value is left.
    pub async fn recv(&self) -> Option<T> {
        let Self(shared) = self;
        loop {
            if let Some(value) = shared.value.take() {
                shared.received.notify_waiters();
                return Some(value);
            }
            if shared.closed.get() {
                return None;
            }
            shared.sent.notified().await;
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        self.0.received.notify_waiters();
    }
}

/// Wakes all tasks that wait for it.
#[derive(Default)]
struct Notify(RefCell<Vec<StreamWriter<u8>>>);

impl Notify {
    /// Waits for the next [`Self::notify_waiters`]. An earlier one does not count.
    async fn notified(&self) {
        let (writer, mut reader) = wit_stream::new();
        self.0.borrow_mut().push(writer);
        reader.read(Vec::with_capacity(1)).await;
    }

    /// Wakes the tasks that wait now.
    fn notify_waiters(&self) {
        drop(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    // These cases wait for nothing. Waiting takes a component: the tests of whole listings cover it, through `harbor`.

    #[test]
    fn a_value_is_received_once_and_a_dropped_sender_ends_the_channel() {
        let (sender, receiver) = channel();
        assert_eq!(sender.send(1).now_or_never(), Some(Ok(())));
        assert_eq!(receiver.recv().now_or_never(), Some(Some(1)));
        assert_eq!(sender.send(2).now_or_never(), Some(Ok(())));
        drop(sender);
        assert_eq!(receiver.recv().now_or_never(), Some(Some(2)), "the last value is not lost");
        assert_eq!(receiver.recv().now_or_never(), Some(None));
    }

    #[test]
    fn a_sender_learns_that_its_value_was_taken_and_that_the_receiver_is_gone() {
        let (sender, receiver) = channel();
        assert_eq!(sender.send(1).now_or_never(), Some(Ok(())));
        assert_eq!(receiver.recv().now_or_never(), Some(Some(1)));
        assert_eq!(sender.taken().now_or_never(), Some(true));
        assert_eq!(sender.send(2).now_or_never(), Some(Ok(())));
        drop(receiver);
        assert_eq!(sender.taken().now_or_never(), Some(false));
    }

    #[test]
    fn sending_to_a_dropped_receiver_fails_with_the_value() {
        let (sender, receiver) = channel();
        assert_eq!(sender.send(1).now_or_never(), Some(Ok(())));
        drop(receiver);
        assert_eq!(sender.send(2).now_or_never(), Some(Err(SendError(2))));
    }
}
