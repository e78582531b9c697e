//! The ways in which Harbor, or what stands before it, goes wrong.

use super::contents::{self, Contents};
use crate::gate::Gate;
use crate::server::{Response, empty, streamed, whole};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderValue, LINK, LOCATION, RETRY_AFTER};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

const JSON: &str = "application/json";

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
    /// This fault while the flag is set, and none while it is not.
    While(Arc<AtomicBool>, Box<Fault>),
    /// This fault for so many requests, and none after them.
    Times(usize, Box<Fault>),
    /// A page of HTML with the status 200, as proxies and login pages send it.
    Html,
    /// A body that ends before its `Content-Length`.
    BrokenOff,
    /// A body of 33 MiB.
    Huge,
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
        self.0.iter().any(|faulty| match &faulty.fault {
            Fault::Times(_, fault) | Fault::While(_, fault) => matches!(**fault, Fault::Reset),
            fault => matches!(fault, Fault::Reset),
        })
    }
}

impl Faulty {
    /// The reply to a request for this path and query of a Harbor that holds `contents`. `answer` makes the answer of the same
    /// Harbor without faults.
    pub(super) async fn reply<'a>(
        &self,
        contents: &Mutex<Contents>,
        target: &str,
        answer: impl Fn(String) -> BoxFuture<'a, Response>,
    ) -> Response {
        let before = self.happened.fetch_add(1, Ordering::Relaxed);
        let fault = match &self.fault {
            Fault::Times(count, _) if before >= *count => return answer(target.to_owned()).await,
            Fault::While(set, _) if !set.load(Ordering::SeqCst) => return answer(target.to_owned()).await,
            Fault::Times(_, fault) | Fault::While(_, fault) => fault,
            fault => fault,
        };
        match fault {
            Fault::Times(..) | Fault::While(..) => contents::error(500, "FAULT", "one within another"),
            Fault::Status(status) => contents::error(*status, "FAULT", "as the test asked"),
            Fault::RetryAfter(seconds) => too_many_requests(&seconds.to_string()),
            Fault::RetryAt(time) => too_many_requests(&httpdate::fmt_http_date(*time)),
            // The server ends the connection before it has sent anything, and the listener resets it then.
            Fault::Reset => streamed(JSON, stream::iter([Err(ErrorKind::ConnectionReset.into())])),
            Fault::Stall => streamed(JSON, begun_with(b"[{").chain(stream::pending())),
            Fault::Trickle(pause) => trickled(answer(target.to_owned()).await, *pause).await,
            Fault::Html => whole("text/html; charset=utf-8", "<html>Please log in</html>"),
            Fault::BrokenOff => broken_off(),
            Fault::Huge => {
                let megabyte = Bytes::from(vec![b' '; 1024 * 1024]);
                streamed(JSON, stream::iter((0..33).map(move |_| Ok(megabyte.clone()))))
            }
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
            Fault::NoPaging => {
                let mut response = answer(target.to_owned()).await;
                response.headers_mut().remove("x-total-count");
                response.headers_mut().remove(LINK);
                response
            }
            Fault::NoFilter => answer(target.replace("&q=", "&ignored=")).await,
            Fault::Push(repository) | Fault::Delete(repository) => {
                if before == 0
                    && let Some(artifacts) = contents.lock().await.artifacts(repository)
                {
                    match fault {
                        Fault::Push(_) => artifacts.push(),
                        _ => artifacts.delete(),
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
    let mut response = contents::error(429, "TOO_MANY_REQUEST", "slow down");
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
