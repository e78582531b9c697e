//! An answer's body with a deadline. It keeps what it needs alive until its end, and breaks off when its instance fails.

use super::instances::InstanceStatus;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
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
    /// Wakes at the deadline. Made at the first wait, which a short body never needs.
    timer: Option<Pin<Box<Sleep>>>,
    status: InstanceStatus,
    /// Whether its trailers came: then it is complete, whatever becomes of the instance.
    complete: bool,
    _guard: G,
}

impl<G> DeadlineBody<G> {
    /// The body breaks off when it has not ended within `limit` from now, and when its instance ends badly.
    pub(super) fn new(body: WasiBody, limit: Duration, status: InstanceStatus, guard: G) -> Self {
        Self { body, limit, deadline: Instant::now() + limit, timer: None, status, complete: false, _guard: guard }
    }

    /// The next frame, or nothing when the time is over.
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
            let what = format!(
                "it had not ended within {} s (limits_config.answer_timeout) and was broken off",
                self.limit.as_secs_f64()
            );
            tracing::error!("an answer was not sent complete: {what}");
            return Poll::Ready(Some(Err(Error::InternalError(Some(what)))));
        };
        match &frame {
            None if self.is_broken() => {
                let what = "its instance ended before it did".to_owned();
                tracing::error!("an answer was not sent complete: {what}");
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
