//! An answer's body with a deadline. It holds a guard until its end, and fails when its instance fails.

use super::instances::InstanceStatus;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use image_service_config::duration;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

/// The next frame of a body; `None` at its end.
type Next = Option<Result<Frame<Bytes>, Error>>;

/// The body, and the guard that is dropped with it.
pub(super) struct DeadlineBody<G> {
    body: WasiBody,
    limit: Duration,
    deadline: Instant,
    /// Wakes at the deadline. Created at the first wait; short bodies never wait.
    timer: Option<Pin<Box<Sleep>>>,
    status: InstanceStatus,
    /// Whether the trailers arrived. Then the body is complete even if the instance fails later.
    complete: bool,
    _guard: G,
}

impl<G> DeadlineBody<G> {
    /// The body fails when it has not ended within `limit` from now, or when its instance fails.
    pub(super) fn new(body: WasiBody, limit: Duration, status: InstanceStatus, guard: G) -> Self {
        let deadline = duration::deadline(limit).into();
        Self { body, limit, deadline, timer: None, status, complete: false, _guard: guard }
    }

    /// The next frame; `None` after the deadline.
    fn poll_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        // A client that takes frames slowly never waits for one, so the timer alone would never stop it.
        if Instant::now() >= self.deadline {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(Some(frame));
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(self.deadline)));
        timer.as_mut().poll(cx).map(|()| None)
    }

    fn is_broken(&self) -> bool {
        !self.complete && self.status.has_failed()
    }
}

impl<G: Unpin> Body for DeadlineBody<G> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(frame) = ready!(self.poll_in_time(cx)) else {
            let what = format!("it did not end within {} s (limits_config.answer_timeout)", self.limit.as_secs_f64());
            tracing::error!("the server ended an answer before it was complete: {what}");
            return Poll::Ready(Some(Err(Error::InternalError(Some(what)))));
        };
        match &frame {
            None if self.is_broken() => {
                let what = "its instance failed".to_owned();
                tracing::error!("the server ended an answer before it was complete: {what}");
                return Poll::Ready(Some(Err(Error::InternalError(Some(what)))));
            }
            Some(Ok(frame)) => self.complete |= frame.is_trailers(),
            _ => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && !self.is_broken()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
