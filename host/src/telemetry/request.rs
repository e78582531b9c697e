//! One request, from its head to the last byte of its answer: its id and trace, its line in the log, and what is counted.

use super::metrics::{self, Ended};
use super::source::Source;
use super::tally::{Tally, Told};
use super::trace::Trace;
use super::{random, spans};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use wasmtime_wasi_http::{Error, WasiBody};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Bytes of a client's own id that are taken over.
const MAX_ID: usize = 128;
/// What counts as the status of a request whose client left before there was any, as nginx has it.
const CLIENT_LEFT: &str = "499";

/// What stands in place of the path where things are counted: paths are as many as clients like.
pub(crate) fn route(path: &str) -> &'static str {
    match path {
        "/healthz" => "/healthz",
        "/readyz" => "/readyz",
        "/metrics" => "/metrics",
        "/openapi.json" => "/openapi.json",
        crate::node_api::PATH => crate::node_api::PATH,
        _ if path.starts_with('/') && path.trim_start_matches('/') == "images" => "/images",
        _ => "other",
    }
}

/// What those who work for a request have to know of it: an extension of the request.
pub(crate) struct Scope {
    pub(crate) trace: Trace,
    /// Whether others were told of the trace, so that it is worth a word in the log.
    told: AtomicBool,
}

impl Scope {
    /// Tells whom a request goes to that is sent for this one.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, span: Option<u64>) {
        self.told.store(true, Ordering::Relaxed);
        self.trace.tell(headers, span);
    }
}

/// A request that is being answered. Dropped before, it has been given up by its client.
pub(crate) struct Record {
    id: HeaderValue,
    method: Method,
    uri: Uri,
    route: &'static str,
    scope: Arc<Scope>,
    begun: Instant,
    status: Option<StatusCode>,
    cache: Option<&'static str>,
    bytes: u64,
    tally: Option<Tally>,
    later: Option<Told>,
    /// Bytes that the answer is to have, where that is known: nobody asks for more after them.
    length: Option<u64>,
    whole: bool,
}

impl Record {
    /// Begins at a request's head, to which it adds its [`Scope`].
    pub(crate) fn begin<B>(request: &mut Request<B>) -> Self {
        metrics::request_began();
        let mut trace = Trace::of(request.headers());
        let route = route(request.uri().path());
        spans::sample(&mut trace, route);
        let told = AtomicBool::new(trace.parent.is_some() || trace.is_recorded());
        let scope = Arc::new(Scope { trace, told });
        request.extensions_mut().insert(Arc::clone(&scope));
        Self {
            id: id(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route,
            scope,
            begun: Instant::now(),
            status: None,
            cache: None,
            bytes: 0,
            tally: None,
            later: None,
            length: None,
            whole: false,
        }
    }

    /// Goes along with the answer until it has been sent.
    pub(crate) fn follow(mut self, response: Response<WasiBody>) -> Response<WasiBody> {
        let (mut head, body) = response.into_parts();
        self.status = Some(head.status);
        self.cache = head.headers.get(CACHE_STATUS).map(|status| cache(status.as_bytes()));
        self.later = head.extensions.remove();
        self.length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // Nobody asks for what need not be sent.
        self.whole = body.is_end_stream() || self.method == Method::HEAD;
        head.headers.insert(REQUEST_ID, self.id.clone());
        Response::from_parts(head, Followed { body, record: self }.boxed_unsync())
    }

    fn end(&mut self) {
        let elapsed = self.begun.elapsed();
        let status = self.status.as_ref().map_or(CLIENT_LEFT, StatusCode::as_str);
        metrics::request_ended(&Ended { route: self.route, status, cache: self.cache, elapsed, bytes: self.bytes });
        spans::request(&self.scope.trace, &self.method, self.route, self.status, elapsed);
        match self.route {
            "/healthz" | "/readyz" => {
                if tracing::enabled!(target: "image_service::request", tracing::Level::DEBUG) {
                    self.log(elapsed);
                }
            }
            _ if tracing::enabled!(target: "image_service::request", tracing::Level::INFO) => self.log(elapsed),
            _ => {}
        }
    }

    fn log(&self, elapsed: Duration) {
        let tally = self.tally.or_else(|| self.later.as_ref()?.get().copied()).unwrap_or_default();
        let message = match (self.whole || self.length == Some(self.bytes), self.status) {
            (true, _) => "answered",
            (false, Some(_)) => "the answer broke off",
            (false, None) => "the client left before the answer",
        };
        let told = self.scope.told.load(Ordering::Relaxed);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "image_service::request",
                    $level,
                    id = self.id.to_str().unwrap_or_default(),
                    method = self.method.as_str(),
                    route = self.route,
                    path = self.uri.path(),
                    status = self.status.map(|status| status.as_u16()),
                    seconds = elapsed.as_micros() as f64 / 1e6,
                    bytes = self.bytes,
                    cache = self.cache,
                    rows_containerd = tally.rows(Source::Containerd),
                    rows_harbor = tally.rows(Source::Harbor),
                    errors = tally.errors,
                    trace_id = told.then_some(self.scope.trace.id).map(tracing::field::display),
                    message
                )
            };
        }
        if matches!(self.route, "/healthz" | "/readyz") {
            line!(tracing::Level::DEBUG);
        } else {
            line!(tracing::Level::INFO);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end();
    }
}

/// The client's own id of a request, where it is one that can be shown anywhere, else a new one.
fn id(headers: &HeaderMap) -> HeaderValue {
    let sane = |id: &&HeaderValue| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
        (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(allowed)
    };
    headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let (mut rest, mut text) = (random::random(), [0; 16]);
        for digit in &mut text {
            *digit = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

/// What `Cache-Status` (RFC 9211) says, in a word.
fn cache(status: &[u8]) -> &'static str {
    let has = |part: &[u8]| status.windows(part.len()).any(|window| window == part);
    if has(b"; hit") {
        if has(b"ttl=-") { "stale" } else { "hit" }
    } else if has(b"collapsed") {
        "collapsed"
    } else if has(b"fwd=bypass") || has(b"fwd=method") {
        "bypass"
    } else {
        "miss"
    }
}

/// An answer's body, followed to its end. What it says of the listing in trailers stays here.
struct Followed {
    body: WasiBody,
    record: Record,
}

impl Body for Followed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                self.record.whole = true;
                return Poll::Ready(None);
            };
            let mut frame = frame?;
            if let Some(data) = frame.data_ref() {
                self.record.bytes += data.len() as u64;
                self.record.whole = self.body.is_end_stream();
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(trailers) = frame.trailers_mut() {
                if let Some(tally) = Tally::take(trailers) {
                    self.record.tally = Some(tally);
                }
                if trailers.is_empty() {
                    continue;
                }
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

    fn id_of(value: &str) -> String {
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(value.as_bytes()).unwrap())]);
        id(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_clients_id_is_taken_over_if_it_is_sane() {
        assert_eq!(id_of("7b1c-AB_9.x:y/z+1=@"), "7b1c-AB_9.x:y/z+1=@");
        for wrong in ["", "a b", "a\"b", "a,b", "{}", "\u{e9}"] {
            let made = id_of(wrong);
            assert!(made.len() == 16 && made.chars().all(|c| c.is_ascii_hexdigit()), "{wrong:?}: {made}");
        }
        let long = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(&"a".repeat(129)).unwrap())]);
        assert_eq!(id(&long).len(), 16);
        assert_ne!(id_of(""), id_of(""));
    }

    #[test]
    fn routes_are_few() {
        assert_eq!((route("/images"), route("//images"), route("images")), ("/images", "/images", "other"));
        assert_eq!((route("/images/1"), route("/healthz"), route("/x\n")), ("other", "/healthz", "other"));
    }

    #[test]
    fn what_the_cache_did_is_a_word() {
        for (status, word) in [
            ("image-service; hit; ttl=4", "hit"),
            ("image-service; hit; ttl=-2", "stale"),
            ("image-service; fwd=uri-miss", "miss"),
            ("image-service; fwd=stale; collapsed", "collapsed"),
            ("image-service; fwd=bypass", "bypass"),
        ] {
            assert_eq!(cache(status.as_bytes()), word);
        }
    }
}
