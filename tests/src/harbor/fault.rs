//! The ways in which Harbor, or what stands before it, goes wrong.

use super::altered;
use super::answer::error_response;
use super::contents::Contents;
use crate::gate::Gate;
use crate::server::{Response, empty, streamed, whole};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

const JSON: &str = "application/json";

/// 990 bytes of a header.
const FILLING: &str = match std::str::from_utf8(&[b'x'; 990]) {
    Ok(text) => text,
    Err(_) => "",
};

/// How an answer goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, with an error in Harbor's form.
    Status(u16),
    /// 429 with `Retry-After: ` so many seconds.
    RetryAfter(u64),
    /// 429 with this time in `Retry-After`.
    RetryAt(SystemTime),
    /// The connection is reset before any answer.
    Reset,
    /// The beginning of an answer, and never more.
    Stall,
    /// The right answer, one byte in so much time.
    Trickle(Duration),
    /// This fault while the flag is set, and none while it is not. It combines with `Times`, in either order.
    While(Arc<AtomicBool>, Box<Fault>),
    /// This fault for so many requests, and none after them.
    Times(usize, Box<Fault>),
    /// 500 with PostgreSQL's words, when it refuses Harbor another connection (harbor#16631).
    TooManyClients,
    /// The right answer with the tags of artifacts left out, and with counts of 0 in repositories and projects, as while Harbor's
    /// database is in trouble (harbor#13285).
    Thin,
    /// `200 []`, as for a repository that does not exist (harbor#17443).
    NoRows,
    /// The right answer without so many rows of its end. Total and links announce them all the same, as Harbor 2.5 does, which
    /// takes signatures out of a page after it cut it.
    Short(usize),
    /// The right answer, but in place of a row stands one that was there before: the last of the page before, or the first of
    /// this one (harbor#14433).
    Repeated,
    /// `null` in place of the list, with the headers of the right answer.
    Null,
    /// The right answer to a path that a proxy encoded once more (harbor#12131).
    EncodedOnceMore,
    /// This JSON in place of the answer.
    Json(Bytes),
    /// A page of HTML with the status 200, as proxies and login pages send it.
    Html,
    /// A body that ends before its `Content-Length`.
    BrokenOff,
    /// A body of 33 MiB.
    Huge,
    /// A body of 33 MiB that takes 33 kB on its way, in gzip.
    Bomb,
    /// The right answer in this encoding, whether or not it was asked for.
    Encoded(&'static str),
    /// No answer, ever.
    Silent,
    /// The right answer, once the gate lets it through.
    Held(Gate),
    /// A redirect to the same path behind this address; the right answer where the path begins with it already.
    RedirectTo(String),
    /// A redirect to where the request went.
    RedirectLoop,
    /// The right answer, but it names this address as that of the next page.
    NextPageAt(String),
    /// The right answer with so many bytes of headers besides its own.
    LargeHead(usize),
    /// The right answer without `X-Total-Count` and `Link`.
    NoPaging,
    /// The right answer as of a Harbor that does not know the filter `q`.
    NoFilter,
    /// The right answer; before the first one, something is pushed to this repository.
    Push(&'static str),
    /// The right answer; before the first one, the newest artifact of this repository is deleted.
    Delete(&'static str),
}

/// What goes wrong where.
#[derive(Default)]
pub(super) struct Faults(Vec<Faulty>);

/// A fault in its place.
pub(super) struct Faulty {
    /// What path and query of a request have in them.
    part: &'static str,
    fault: Fault,
    /// How often it did.
    happened: AtomicUsize,
}

impl Faults {
    pub(super) fn add(&mut self, part: &'static str, fault: Fault) {
        self.0.push(Faulty { part, fault, happened: AtomicUsize::new(0) });
    }

    pub(super) fn at(&self, target: &str) -> Option<&Faulty> {
        self.0.iter().find(|faulty| target.contains(faulty.part))
    }

    /// Whether connections are reset where a connection ends early.
    pub(super) fn reset(&self) -> bool {
        self.0.iter().any(|faulty| {
            let mut fault = &faulty.fault;
            while let Fault::Times(_, inner) | Fault::While(_, inner) = fault {
                fault = inner;
            }
            matches!(fault, Fault::Reset)
        })
    }
}

impl Faulty {
    /// The fault that happens to a request, and how often it happened before. Looking counts as happening.
    fn happening(&self) -> Option<(&Fault, usize)> {
        let (mut fault, mut limit) = (&self.fault, usize::MAX);
        loop {
            match fault {
                Fault::Times(count, inner) => (fault, limit) = (inner, limit.min(*count)),
                Fault::While(set, inner) if set.load(Ordering::SeqCst) => fault = inner,
                Fault::While(..) => return None,
                _ => break,
            }
        }
        let before = self.happened.fetch_add(1, Ordering::Relaxed);
        (before < limit).then_some((fault, before))
    }

    /// The reply to a request for this path and query of a Harbor that holds `contents`. `answer` makes the answer of the same
    /// Harbor without faults.
    pub(super) async fn reply<'a>(
        &self,
        contents: &Mutex<Contents>,
        target: &str,
        answer: impl Fn(String) -> BoxFuture<'a, Response>,
    ) -> Response {
        let Some((fault, before)) = self.happening() else { return answer(target.to_owned()).await };
        match fault {
            // `happening` looks into them.
            Fault::Times(_, inner) | Fault::While(_, inner) => unreachable!("{inner:?} happens by itself"),
            Fault::Status(status) => error_response(*status, "FAULT", "as the test asked"),
            Fault::RetryAfter(seconds) => too_many_requests(&seconds.to_string()),
            Fault::RetryAt(time) => too_many_requests(&httpdate::fmt_http_date(*time)),
            // The server ends the connection before it has sent anything, and the listener resets it then.
            Fault::Reset => streamed(JSON, stream::iter([Err(ErrorKind::ConnectionReset.into())])),
            Fault::Stall => streamed(JSON, begun_with(b"[{").chain(stream::pending())),
            Fault::Trickle(pause) => trickled(answer(target.to_owned()).await, *pause).await,
            Fault::Json(body) => whole(JSON, body.clone()),
            Fault::Html => whole("text/html; charset=utf-8", "<html>Please log in</html>"),
            Fault::BrokenOff => broken_off(),
            Fault::Huge => {
                let megabyte = Bytes::from(vec![b' '; 1024 * 1024]);
                streamed(JSON, stream::iter((0..33).map(move |_| Ok(megabyte.clone()))))
            }
            Fault::Bomb => altered::encoded(whole(JSON, vec![b' '; 33 << 20]), "gzip").await,
            Fault::Encoded(encoding) => altered::encoded(answer(target.to_owned()).await, encoding).await,
            Fault::Silent => std::future::pending().await,
            Fault::Held(gate) => {
                gate.pass().await;
                answer(target.to_owned()).await
            }
            Fault::RedirectTo(address) if target.starts_with(address) => answer(target.to_owned()).await,
            Fault::RedirectTo(address) => redirect(&format!("{address}{target}")),
            Fault::RedirectLoop => redirect(target),
            Fault::NextPageAt(address) => {
                let mut response = answer(target.to_owned()).await;
                if let Ok(link) = format!("<{address}?page=2&page_size=100>; rel=\"next\"").parse() {
                    response.headers_mut().insert(LINK, link);
                }
                response
            }
            Fault::LargeHead(bytes) => {
                let mut response = answer(target.to_owned()).await;
                let (filler, filling) = (HeaderName::from_static("x-filler"), HeaderValue::from_static(FILLING));
                for _ in 0..bytes / 1000 {
                    response.headers_mut().append(&filler, filling.clone());
                }
                response
            }
            Fault::NoPaging => {
                let mut response = answer(target.to_owned()).await;
                response.headers_mut().remove("x-total-count");
                response.headers_mut().remove(LINK);
                response
            }
            Fault::TooManyClients => error_response(500, "UNKNOWN", "unknown: pq: sorry, too many clients already"),
            Fault::Thin => altered::thin(answer(target.to_owned()).await).await,
            Fault::NoRows => altered::no_rows(answer(target.to_owned()).await),
            Fault::Short(count) => altered::short(answer(target.to_owned()).await, *count).await,
            Fault::Repeated => {
                let before = match altered::page_before(target) {
                    Some(target) => Some(answer(target).await),
                    None => None,
                };
                altered::repeated(answer(target.to_owned()).await, before).await
            }
            Fault::Null => altered::null(answer(target.to_owned()).await),
            Fault::EncodedOnceMore => answer(target.replace('%', "%25")).await,
            Fault::NoFilter => answer(target.replace("&q=", "&ignored=")).await,
            Fault::Push(repository) | Fault::Delete(repository) => {
                if before == 0 {
                    let mut contents = contents.lock().await;
                    match fault {
                        Fault::Push(_) => drop(contents.push(repository, None)),
                        _ => contents.delete_newest(repository),
                    }
                }
                answer(target.to_owned()).await
            }
        }
    }
}

fn redirect(location: &str) -> Response {
    let mut response = empty(StatusCode::FOUND);
    response.headers_mut().extend(HeaderValue::from_str(location).ok().map(|location| (LOCATION, location)));
    response
}

fn too_many_requests(retry_after: &str) -> Response {
    let mut response = error_response(429, "TOO_MANY_REQUEST", "slow down");
    response.headers_mut().extend(HeaderValue::from_str(retry_after).ok().map(|value| (RETRY_AFTER, value)));
    response
}

/// The same answer, one byte in this time.
async fn trickled(response: Response, pause: Duration) -> Response {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let bytes = stream::iter((0..body.len()).map(move |at| body.slice(at..=at))).then(move |byte| async move {
        tokio::time::sleep(pause).await;
        Ok(byte)
    });
    Response::from_parts(head, streamed(JSON, bytes).into_body())
}

/// A body that begins with this.
fn begun_with(bytes: &'static [u8]) -> impl stream::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::iter([Ok(Bytes::from_static(bytes))])
}

/// Headers and the first bytes of the body, then the connection ends.
fn broken_off() -> Response {
    // The server sends what it has when it has to wait.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(ErrorKind::ConnectionAborted.into())
    });
    let mut response = streamed(JSON, begun_with(b"[{\"name\": \"a\"").chain(end));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1000"));
    response
}
