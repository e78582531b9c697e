//! Wakes tasks of one component from another of its tasks.
//!
//! A task that waits reads from a stream of the component model to which nothing is ever written. The other task wakes it by
//! dropping the stream's writing end.

#[allow(missing_docs, unsafe_code, unreachable_pub, dead_code, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/internal"],
        world: "image-service:internal/task-channel",
        generate_all,
    });
}

use bindings::wit_stream;
use std::cell::RefCell;
use wit_bindgen::StreamWriter;

/// Wakes all tasks that wait for it.
#[derive(Default)]
pub(crate) struct Notify(RefCell<Vec<StreamWriter<u8>>>);

impl Notify {
    /// Waits for the next [`Self::notify_waiters`]. An earlier one does not count.
    pub(crate) async fn notified(&self) {
        let (writer, mut reader) = wit_stream::new();
        self.0.borrow_mut().push(writer);
        reader.read(Vec::with_capacity(1)).await;
    }

    /// Wakes the tasks that wait now.
    pub(crate) fn notify_waiters(&self) {
        drop(self.0.take());
    }
}
