//! A response's body that holds on to what it needs until it has been sent, or until its time is over.

use super::instances::Fate;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

/// What a body gives: nothing at its end.
type Next = Option<Result<Frame<Bytes>, Error>>;

/// The body, and what is dropped with it.
pub(super) struct Guarded<G> {
    body: WasiBody,
    limit: Duration,
    deadline: Instant,
    /// Wakes at the deadline, once the body is waited for: a short one never is.
    alarm: Option<Pin<Box<Sleep>>>,
    fate: Fate,
    /// Whether its trailers came: then it is whole, whatever becomes of the instance.
    whole: bool,
    _guard: G,
}

impl<G> Guarded<G> {
    /// The body breaks off when it has not ended within `limit` from now, and when its instance ends badly.
    pub(super) fn new(body: WasiBody, limit: Duration, fate: Fate, guard: G) -> Self {
        Self { body, limit, deadline: Instant::now() + limit, alarm: None, fate, whole: false, _guard: guard }
    }

    /// The next frame, or nothing when the time is over.
    fn poll_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        // Whoever takes its frames slowly never waits for one, but has no more time than others.
        if Instant::now() >= self.deadline {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(Some(frame));
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(self.deadline)));
        alarm.as_mut().poll(cx).map(|()| None)
    }

    fn is_broken(&self) -> bool {
        !self.whole && self.fate.is_bad()
    }
}

impl<G: Unpin> Body for Guarded<G> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(frame) = ready!(self.poll_in_time(cx)) else {
            let what = format!(
                "it had not ended within {} s (limits_config.answer_timeout) and was broken off",
                self.limit.as_secs_f64()
            );
            tracing::error!("an answer was not sent whole: {what}");
            return Poll::Ready(Some(Err(Error::InternalError(Some(what)))));
        };
        match &frame {
            None if self.is_broken() => {
                let what = "its instance ended before it did".to_owned();
                tracing::error!("an answer was not sent whole: {what}");
                return Poll::Ready(Some(Err(Error::InternalError(Some(what)))));
            }
            Some(Ok(frame)) => self.whole |= frame.is_trailers(),
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
