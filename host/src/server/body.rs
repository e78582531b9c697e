//! Bodies on their way: a request's, and its answer's, whose end is the request's end.

use super::patience::Meter;
use super::watch::{BodyMeter, UnderWay, Watch};
use crate::telemetry::request::Followed;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wasmtime_wasi_http::WasiBody;

/// A request's body for whoever answers it. Most have none, which costs nothing.
pub(super) fn asked(body: Incoming, watch: &Arc<Watch>) -> WasiBody {
    if body.is_end_stream() {
        return Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    Asked { body, meter: watch.body() }.map_err(wasmtime_wasi_http::Error::from).boxed_unsync()
}

/// A request's body that has yet to come: while it is read, it is waited for the client.
struct Asked {
    body: Incoming,
    meter: BodyMeter,
}

impl Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => self.meter.moves(length(frame)),
            Poll::Ready(_) => self.meter.waits(false),
            Poll::Pending => self.meter.waits(true),
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
pub(super) struct Answered {
    body: Followed,
    /// For HTTP/2, where the next piece is asked for once the client has room for it: from one piece to the next it is
    /// waited for the client.
    meter: Option<BodyMeter>,
    _under_way: UnderWay,
}

impl Answered {
    pub(super) fn new(body: Followed, meter: Option<BodyMeter>, under_way: UnderWay) -> Self {
        Self { body, meter, _under_way: under_way }
    }

    fn meter(&self) -> Option<&Meter> {
        self.meter.as_deref()
    }
}

impl Body for Answered {
    type Data = Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(meter) = self.meter() {
            match &frame {
                Poll::Ready(Some(Ok(frame))) => {
                    meter.moves(length(frame));
                    meter.waits(true);
                }
                Poll::Ready(_) | Poll::Pending => meter.waits(false),
            }
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

fn length(frame: &Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len)
}
