//! Buffers the beginning of an answer. A short answer then leaves as one write with its length, instead of one write for its
//! head, one for each chunk and one for its end, each of which would wake the client.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use image_service_http::response::Body as AnswerBody;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

/// Most bytes to buffer. The rest of a longer answer is streamed.
const PREFIX_BYTES: usize = 16 * 1024;
/// Longest wait for these bytes. A slower answer waits for a source, and its client should get the head meanwhile.
const PREFIX_TIMEOUT: Duration = Duration::from_millis(20);

/// A body with a buffered beginning.
pub(super) struct BufferedPrefix<B> {
    beginning: Bytes,
    /// The frame that ended the buffering: trailers or an error.
    then: Option<Result<Frame<Bytes>, Error>>,
    /// The rest of the body.
    rest: Option<B>,
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> BufferedPrefix<B> {
    /// Waits for the beginning of a body. Drops the body when all of it is buffered.
    pub(super) async fn new(mut body: B) -> Self {
        let mut beginning = Chunks::default();
        // Short answers are often complete at the first poll, and then need no timer.
        let mut over = pin!(None::<Sleep>);
        while beginning.length < PREFIX_BYTES {
            let frame = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
                Poll::Pending => {
                    if over.is_none() {
                        over.set(Some(sleep(PREFIX_TIMEOUT)));
                    }
                    over.as_mut().as_pin_mut().map_or(Poll::Pending, |over| over.poll(cx)).map(|()| None)
                }
                Poll::Ready(frame) => Poll::Ready(Some(frame)),
            });
            match frame.await {
                None => break,
                Some(None) => return Self { beginning: beginning.join(), then: None, rest: None },
                Some(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) => beginning.push(chunk),
                    Err(trailers) => {
                        // Nothing follows trailers.
                        return Self { beginning: beginning.join(), then: Some(Ok(trailers)), rest: None };
                    }
                },
                Some(Some(Err(error))) => {
                    return Self { beginning: beginning.join(), then: Some(Err(error)), rest: None };
                }
            }
        }
        Self { beginning: beginning.join(), then: None, rest: Some(body) }
    }

    /// Whether the whole body is buffered.
    pub(super) fn is_complete(&self) -> bool {
        self.rest.is_none()
    }

    /// The body of an answer.
    pub(super) fn into_answer_body(self) -> AnswerBody
    where
        B: Send + 'static,
    {
        match self {
            Self { beginning, then: None, rest: None } => AnswerBody::Full(beginning),
            body => AnswerBody::streaming(body),
        }
    }
}

/// Collects chunks and joins them.
#[derive(Default)]
struct Chunks {
    chunks: Vec<Bytes>,
    length: usize,
}

impl Chunks {
    fn push(&mut self, chunk: Bytes) {
        self.length += chunk.len();
        self.chunks.push(chunk);
    }

    fn join(mut self) -> Bytes {
        if self.chunks.len() > 1 { self.chunks.concat().into() } else { self.chunks.pop().unwrap_or_default() }
    }
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for BufferedPrefix<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.beginning.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.beginning)))));
        }
        if let Some(then) = self.then.take() {
            return Poll::Ready(Some(then));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        let rest_ended = self.rest.as_ref().is_none_or(B::is_end_stream);
        self.beginning.is_empty() && self.then.is_none() && rest_ended
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.beginning.len() as u64;
        match &self.rest {
            None if self.then.is_none() => SizeHint::with_exact(here),
            // No exact size here: the server does not poll beyond a known length, so it would miss the trailers with the
            // summary of the listing, or the error of a broken answer.
            None => SizeHint::default(),
            Some(rest) => {
                // A component states any `Content-Length`, and a hint panics whose lower bound is above its upper bound.
                let (rest, mut hint) = (rest.size_hint(), SizeHint::default());
                hint.set_lower(rest.lower().saturating_add(here));
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(here)) {
                    hint.set_upper(upper);
                }
                hint
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::{self, Stream, StreamExt};
    use http::{HeaderMap, HeaderValue};
    use http_body_util::{BodyExt, StreamBody};
    use wasmtime_wasi_http::WasiBody;

    type Item = Result<Frame<Bytes>, Error>;

    fn data(text: &'static str) -> Item {
        Ok(Frame::data(Bytes::from_static(text.as_bytes())))
    }

    async fn buffered(frames: impl Stream<Item = Item> + Send + 'static) -> BufferedPrefix<WasiBody> {
        BufferedPrefix::new(StreamBody::new(frames).boxed_unsync()).await
    }

    #[tokio::test]
    async fn a_short_body_is_one_chunk_of_known_length() {
        let mut body = buffered(stream::iter([data("one "), data("two")])).await;
        assert_eq!(body.size_hint().exact(), Some(7));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one two");
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_short_body_with_trailers_has_no_exact_length() {
        let trailers = HeaderMap::from_iter([(http::header::AGE, HeaderValue::from_static("1"))]);
        let frames = stream::iter([data("one "), data("two"), Ok(Frame::trailers(trailers.clone()))]);
        let mut body = buffered(frames).await;
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one two");
        assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn the_wait_for_the_beginning_is_limited() {
        let mut body = buffered(stream::iter([data("now")]).chain(stream::pending())).await;
        assert_eq!(body.size_hint().exact(), None);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "now");
    }

    #[tokio::test]
    async fn the_rest_of_a_long_body_is_streamed() {
        let chunk = || Ok(Frame::data(Bytes::from(vec![b'x'; 10_000])));
        let body = buffered(stream::iter([chunk(), chunk(), chunk()])).await;
        assert_eq!((body.beginning.len(), body.size_hint().exact()), (20_000, None));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 30_000);
    }

    #[tokio::test]
    async fn the_stated_length_of_a_long_body_counts_its_beginning_too() {
        struct Stated(u64);

        impl Body for Stated {
            type Data = Bytes;
            type Error = Error;

            fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; 10_000])))))
            }

            fn size_hint(&self) -> SizeHint {
                SizeHint::with_exact(self.0)
            }
        }

        assert_eq!(BufferedPrefix::new(Stated(7)).await.size_hint().exact(), Some(20_007));
        let hint = BufferedPrefix::new(Stated(u64::MAX)).await.size_hint();
        assert_eq!((hint.lower(), hint.upper()), (u64::MAX, None));
    }

    #[tokio::test]
    async fn a_broken_body_has_no_exact_length() {
        let mut body = buffered(stream::iter([data("one"), Err(Error::ConnectionTerminated)])).await;
        assert_eq!(body.size_hint().exact(), None);
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
    }
}
