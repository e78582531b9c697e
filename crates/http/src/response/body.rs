//! Bodies of answers. Most answers are one piece, which needs no box and no virtual call.

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The error of a body that broke off.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body of any type.
pub type BoxBody = UnsyncBoxBody<Bytes, BoxError>;
/// A request's body, as the application reads it.
pub type RequestBody = BoxBody;

/// The body of a request that has none.
pub fn no_body() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// The body of an answer.
pub enum Body {
    /// The whole body.
    Full(Bytes),
    /// A body that arrives in pieces, maybe with trailers.
    Streaming(BoxBody),
}

impl Body {
    /// No bytes.
    pub const EMPTY: Self = Self::Full(Bytes::new());

    /// A body that arrives in pieces.
    pub fn streaming<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::Streaming(body.map_err(Into::into).boxed_unsync())
    }

    /// A complete body, from its pieces.
    pub fn from_pieces(pieces: &[Bytes]) -> Self {
        match pieces {
            [] => Self::EMPTY,
            [piece] => Self::Full(piece.clone()),
            _ => {
                let frames: Vec<Result<_, BoxError>> =
                    pieces.iter().map(|piece| Ok(Frame::data(piece.clone()))).collect();
                Self::streaming(StreamBody::new(futures_util::stream::iter(frames)))
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streaming(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_empty(),
            Self::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streaming(body) => body.size_hint(),
        }
    }
}
