//! Bodies of requests and answers, which record their progress. A request ends with the body of its answer.

use super::connection_state::{ActiveRequest, BodyProgress, ConnectionState};
use super::stall_timeout::Progress;
use crate::access_log::TrackedBody;
use crate::response::{BoxError, RequestBody, no_body};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use image_service_telemetry::panics;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A request's body for the application. Most requests have none, which costs nothing.
pub(super) fn request_body(body: Incoming, state: &Arc<ConnectionState>) -> RequestBody {
    if body.is_end_stream() {
        return no_body();
    }
    IncomingBody { body, progress: state.track_body() }.map_err(BoxError::from).boxed_unsync()
}

/// A request's body that is still arriving. While the application reads it, the server waits for the client.
struct IncomingBody {
    body: Incoming,
    progress: BodyProgress,
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => self.progress.record(length(frame)),
            Poll::Ready(_) => self.progress.set_waiting(false),
            Poll::Pending => self.progress.set_waiting(true),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body.
pub(super) struct OutgoingBody {
    body: TrackedBody,
    /// Only for HTTP/2: hyper polls for the next piece when the client has room for it, so the server waits for the
    /// client between two pieces.
    progress: Option<BodyProgress>,
    _active: ActiveRequest,
}

impl OutgoingBody {
    pub(super) fn new(body: TrackedBody, progress: Option<BodyProgress>, active: ActiveRequest) -> Self {
        Self { body, progress, _active: active }
    }

    fn progress(&self) -> Option<&Progress> {
        self.progress.as_deref()
    }
}

/// The result of a method of the body, or `otherwise` if it panics: a panic would end the connection, and with it the other
/// requests of HTTP/2.
fn unless_panicked<T>(method: impl FnOnce() -> T, otherwise: impl FnOnce(BoxError) -> T) -> T {
    panics::catch_call(method).unwrap_or_else(|panicked| otherwise(panicked.into()))
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let body = Pin::new(&mut self.body);
        let frame = unless_panicked(|| body.poll_frame(cx), |panicked| Poll::Ready(Some(Err(panicked))));
        if let Some(progress) = self.progress() {
            match &frame {
                Poll::Ready(Some(Ok(frame))) => {
                    progress.record(length(frame));
                    progress.set_waiting(true);
                }
                Poll::Ready(_) | Poll::Pending => progress.set_waiting(false),
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        unless_panicked(|| self.body.is_end_stream(), |_| false)
    }

    fn size_hint(&self) -> SizeHint {
        unless_panicked(|| self.body.size_hint(), |_| SizeHint::default())
    }
}

fn length(frame: &Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::RequestLog;
    use crate::response::Body as AnswerBody;
    use http::{Request, Response};

    /// A body that begins, and then panics in every way.
    struct Panicking(Option<Bytes>);

    impl Body for Panicking {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            match self.0.take() {
                Some(begin) => Poll::Ready(Some(Ok(Frame::data(begin)))),
                None => panic!("told to"),
            }
        }

        fn is_end_stream(&self) -> bool {
            assert!(self.0.is_some(), "told to");
            false
        }

        fn size_hint(&self) -> SizeHint {
            panic!("told to")
        }
    }

    #[tokio::test]
    async fn a_panic_in_the_midst_of_an_answer_breaks_this_answer_off() {
        let log = RequestLog::begin(&Request::get("/images").body(()).unwrap());
        let answer = AnswerBody::streaming(Panicking(Some(Bytes::from_static(b"begun"))));
        let tracked = log.track(Response::new(answer)).into_body();
        let mut body = OutgoingBody::new(tracked, None, Arc::<ConnectionState>::default().begin_request(false));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false));
        let _ = body.frame().await;
        let broken = body.frame().await.unwrap().unwrap_err();
        assert!(broken.to_string().starts_with("the program failed"), "{broken}");
        assert!(!body.is_end_stream());
    }
}
