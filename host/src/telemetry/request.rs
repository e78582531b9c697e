//! One request, from its head to the last byte of its answer: its id and trace, its line in the log, and what is counted.

use super::metrics::{self, Ended};
use super::source::Source;
use super::tally::{Tally, Told};
use super::trace::Trace;
use super::{random, spans};
use crate::content::Content;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use wasmtime_wasi_http::Error;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
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

/// What those who work for a request have to know of it, and what they say of it.
pub(crate) struct Scope {
    pub(crate) trace: Trace,
    pub(crate) begun: Instant,
    /// Whether others were told of the trace, so that it is worth a word in the log.
    told: AtomicBool,
    /// What the listing came to, where the answer's body does not tell.
    listing: OnceLock<Told>,
}

impl Scope {
    /// Tells whom a request goes to that is sent for this one.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, span: Option<u64>) {
        self.told.store(true, Ordering::Relaxed);
        self.trace.tell(headers, span);
    }

    /// Says where it will be known what the listing of its answer came to.
    pub(crate) fn lists(&self, listing: &Told) {
        // An answer has one listing.
        let _ = self.listing.set(Arc::clone(listing));
    }
}

/// A request that is being answered. Dropped before, it has been given up by its client.
pub(crate) struct Record {
    id: Id,
    method: Method,
    target: Option<PathAndQuery>,
    route: &'static str,
    scope: Arc<Scope>,
    status: Option<StatusCode>,
    cache: Option<&'static str>,
    bytes: u64,
    tally: Option<Tally>,
    /// Bytes that the answer is to have, where that is known: nobody asks for more after them.
    length: Option<u64>,
    whole: bool,
}

impl Record {
    /// Begins at a request's head.
    pub(crate) fn begin<B>(request: &Request<B>) -> Self {
        metrics::request_began();
        let mut trace = Trace::of(request.headers());
        let route = route(request.uri().path());
        spans::sample(&mut trace, route);
        let told = AtomicBool::new(trace.parent.is_some() || trace.is_recorded());
        let scope = Arc::new(Scope { trace, begun: Instant::now(), told, listing: OnceLock::new() });
        Self {
            id: Id::of(request.headers()),
            method: request.method().clone(),
            target: request.uri().path_and_query().cloned(),
            route,
            scope,
            status: None,
            cache: None,
            bytes: 0,
            tally: None,
            length: None,
            whole: false,
        }
    }

    /// For those who work for the request.
    pub(crate) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Goes along with the answer until it has been sent.
    pub(crate) fn follow(mut self, response: Response<Content>) -> Response<Followed> {
        let (mut head, body) = response.into_parts();
        self.status = Some(head.status);
        self.cache = head.headers.get(CACHE_STATUS).map(|status| cache(status.as_bytes()));
        self.length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // Nobody asks for what need not be sent.
        self.whole = body.is_end_stream() || self.method == Method::HEAD;
        head.headers.insert(REQUEST_ID, self.id.value());
        Response::from_parts(head, Followed { body, record: self })
    }

    fn end(&mut self) {
        let elapsed = self.scope.begun.elapsed();
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
        let tally = self.tally.or_else(|| self.scope.listing.get()?.get().copied()).unwrap_or_default();
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
                    id = self.id.as_str(),
                    method = self.method.as_str(),
                    route = self.route,
                    path = self.target.as_ref().map_or("", PathAndQuery::path),
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

/// The id of a request.
enum Id {
    /// The client's own, where it is one that can be shown anywhere.
    Given(HeaderValue),
    Made([u8; 16]),
}

impl Id {
    fn of(headers: &HeaderMap) -> Self {
        let sane = |id: &&HeaderValue| {
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
            (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(allowed)
        };
        if let Some(id) = headers.get(REQUEST_ID).filter(sane) {
            return Self::Given(id.clone());
        }
        let (mut rest, mut digits) = (random::random(), [0; 16]);
        for digit in &mut digits {
            *digit = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
        Self::Made(digits)
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Given(id) => id.to_str().unwrap_or_default(),
            Self::Made(digits) => std::str::from_utf8(digits).unwrap_or_default(),
        }
    }

    fn value(&self) -> HeaderValue {
        match self {
            Self::Given(id) => id.clone(),
            Self::Made(digits) => HeaderValue::from_bytes(digits).unwrap_or_else(|_| HeaderValue::from_static("none")),
        }
    }
}

/// What `Cache-Status` (RFC 9211) says, in a word.
fn cache(status: &[u8]) -> &'static str {
    let (mut hit, mut stale, mut collapsed, mut bypass) = (false, false, false, false);
    for parameter in status.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii_start) {
        hit |= parameter.starts_with(b"hit");
        stale |= parameter.starts_with(b"ttl=-");
        collapsed |= parameter.starts_with(b"collapsed");
        bypass |= parameter.starts_with(b"fwd=bypass") || parameter.starts_with(b"fwd=method");
    }
    match (hit, collapsed, bypass) {
        (true, ..) if stale => "stale",
        (true, ..) => "hit",
        (_, true, _) => "collapsed",
        (.., true) => "bypass",
        _ => "miss",
    }
}

/// An answer's body, followed to its end. What it says of the listing in trailers stays here.
pub struct Followed {
    body: Content,
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
        Id::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_clients_id_is_taken_over_if_it_is_sane() {
        assert_eq!(id_of("7b1c-AB_9.x:y/z+1=@"), "7b1c-AB_9.x:y/z+1=@");
        for wrong in ["", "a b", "a\"b", "a,b", "{}", "\u{e9}"] {
            let made = id_of(wrong);
            assert!(made.len() == 16 && made.chars().all(|c| c.is_ascii_hexdigit()), "{wrong:?}: {made}");
        }
        let long = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(&"a".repeat(129)).unwrap())]);
        assert_eq!(Id::of(&long).as_str().len(), 16);
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
