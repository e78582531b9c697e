//! The access log: one line for each request, written when the last byte of its answer is sent, and its metrics and span.

use crate::listing_summary::ListingSummary;
use crate::request_context::RequestContext;
use crate::request_id::{REQUEST_ID, RequestId};
use crate::response::{Body, BoxError};
use crate::routes::Route;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use image_model::protocol;
use image_service_telemetry::metrics::{self, EndedRequest};
use image_service_telemetry::source::Source;
use image_service_telemetry::spans;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The status of a request whose client left before the answer began (nginx uses the same number).
const CLIENT_CLOSED_REQUEST: &str = "499";

/// A request that the program is answering. Dropping it writes the log line: the body of the answer drops it at its end,
/// or the server drops it when the client leaves before the answer.
pub struct RequestLog {
    id: RequestId,
    method: Method,
    target: Option<PathAndQuery>,
    route: Route,
    context: Arc<RequestContext>,
    status: Option<StatusCode>,
    bytes: u64,
    summary: Option<ListingSummary>,
    /// The answer's `Content-Length`. The server does not poll the body again after that many bytes.
    length: Option<u64>,
    is_complete: bool,
}

impl RequestLog {
    /// Begins when the head of a request has arrived.
    pub fn begin<B>(request: &Request<B>) -> Self {
        metrics::request_began();
        let route = Route::of(request.uri().path());
        Self {
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            target: request.uri().path_and_query().cloned(),
            route,
            context: Arc::new(RequestContext::of(request, route.is_traced())),
            status: None,
            bytes: 0,
            summary: None,
            length: None,
            is_complete: false,
        }
    }

    /// The route of the request.
    pub fn route(&self) -> Route {
        self.route
    }

    /// The context of the request.
    pub fn context(&self) -> &Arc<RequestContext> {
        &self.context
    }

    /// Follows the answer until it has been sent.
    pub fn track(mut self, response: Response<Body>) -> Response<TrackedBody> {
        let (mut head, body) = response.into_parts();
        self.status = Some(head.status);
        self.length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // The server does not poll a body that is not sent.
        self.is_complete = body.is_end_stream()
            || self.method == Method::HEAD
            || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
        head.headers.insert(REQUEST_ID, self.id.value());
        Response::from_parts(head, TrackedBody { body, log: self })
    }

    fn end(&mut self) {
        let elapsed = self.context.begun.elapsed();
        let status = self.status.as_ref().map_or(CLIENT_CLOSED_REQUEST, StatusCode::as_str);
        let cache = self.cache_label();
        let route = self.route.label();
        metrics::request_ended(&EndedRequest { route, status, cache, elapsed, bytes: self.bytes });
        spans::request_ended(&self.context.trace, &self.method, route, self.status, elapsed);
        if self.route.is_probe() {
            if tracing::enabled!(target: "image_service::request", tracing::Level::DEBUG) {
                self.log(elapsed);
            }
        } else if tracing::enabled!(target: "image_service::request", tracing::Level::INFO) {
            self.log(elapsed);
        }
    }

    /// The cache's result; `None` while there is no answer.
    fn cache_label(&self) -> Option<&'static str> {
        self.status?;
        Some(self.context.cache_status()?.label())
    }

    fn log(&self, elapsed: Duration) {
        let summary = self.summary.or_else(|| self.context.summary()).unwrap_or_default();
        let message = match (self.is_complete || self.length == Some(self.bytes), self.status) {
            (true, _) => "answered",
            (false, Some(_)) => "the answer broke off",
            (false, None) => "the client left before the answer",
        };
        let trace_id = self.context.is_trace_shared().then_some(self.context.trace.id);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "image_service::request",
                    $level,
                    id = self.id.as_str(),
                    method = self.method.as_str(),
                    route = self.route.label(),
                    path = self.target.as_ref().map_or("", PathAndQuery::path),
                    status = self.status.map(|status| status.as_u16()),
                    seconds = elapsed.as_micros() as f64 / 1e6,
                    bytes = self.bytes,
                    cache = self.cache_label(),
                    rows_containerd = summary.rows(Source::Containerd),
                    rows_harbor = summary.rows(Source::Harbor),
                    errors = summary.errors,
                    harbor_listing = summary.method.map(protocol::listing_trailer),
                    trace_id = trace_id.map(tracing::field::display),
                    message
                )
            };
        }
        if self.route.is_probe() {
            line!(tracing::Level::DEBUG);
        } else {
            line!(tracing::Level::INFO);
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        self.end();
    }
}

/// The body of an answer, which writes the log line at its end. It removes the trailers that carry the summary of the
/// listing.
pub struct TrackedBody {
    body: Body,
    log: RequestLog,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                self.log.is_complete = true;
                return Poll::Ready(None);
            };
            let mut frame = frame?;
            if let Some(data) = frame.data_ref() {
                self.log.bytes += data.len() as u64;
                self.log.is_complete = self.body.is_end_stream();
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(trailers) = frame.trailers_mut() {
                if let Some(summary) = ListingSummary::take(trailers) {
                    self.log.summary = Some(summary);
                }
                if trailers.is_empty() {
                    continue;
                }
                // Nothing follows trailers, and the server does not poll again to find that out.
                self.log.is_complete = true;
            }
            return Poll::Ready(Some(Ok(frame)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};
    use http_body_util::{BodyExt, StreamBody};

    /// Whether an answer of these frames counts as complete once the server has polled so many of them.
    async fn is_complete(frames: Vec<Frame<Bytes>>, polls: usize) -> bool {
        let frames = futures_util::stream::iter(frames.into_iter().map(Ok::<_, BoxError>));
        let request = Request::post("/anything").body(()).unwrap();
        let mut body =
            RequestLog::begin(&request).track(Response::new(Body::streaming(StreamBody::new(frames)))).into_body();
        for _ in 0..polls {
            let _ = body.frame().await;
        }
        body.log.is_complete
    }

    #[tokio::test]
    async fn an_answer_is_complete_with_its_trailers_after_which_the_server_polls_no_more() {
        let data = || Frame::data(Bytes::from_static(b"well"));
        let trailers = |name: &'static str| {
            Frame::trailers(HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                HeaderValue::from_static("1"),
            )]))
        };
        assert!(!is_complete(vec![data(), trailers("checksum")], 1).await, "the trailers are to come");
        assert!(is_complete(vec![data(), trailers("checksum")], 2).await);
        // Those that clients never see leave the end of the body.
        assert!(is_complete(vec![data(), trailers(protocol::ERRORS_TRAILER)], 2).await);
        assert!(!is_complete(vec![data(), data()], 1).await);
    }
}
