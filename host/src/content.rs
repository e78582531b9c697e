//! The body of an answer: most are there in one piece, which needs no box and no virtual call.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of an answer.
pub enum Content {
    /// All of it is there.
    Whole(Bytes),
    /// It comes piece by piece, maybe with trailers.
    Coming(WasiBody),
}

impl Content {
    /// No bytes.
    pub(crate) const EMPTY: Self = Self::Whole(Bytes::new());

    /// What comes piece by piece.
    pub(crate) fn coming(body: impl Body<Data = Bytes, Error = Error> + Send + 'static) -> Self {
        Self::Coming(body.boxed_unsync())
    }

    /// Pieces that are all there.
    pub(crate) fn pieces(pieces: &[Bytes]) -> Self {
        match pieces {
            [] => Self::EMPTY,
            [piece] => Self::Whole(piece.clone()),
            _ => {
                let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(piece.clone()))).collect();
                Self::coming(StreamBody::new(futures_util::stream::iter(frames)))
            }
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Coming(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Coming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Coming(body) => body.size_hint(),
        }
    }
}
