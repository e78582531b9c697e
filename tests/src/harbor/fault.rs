//! The ways in which Harbor, or what stands before it, goes wrong.

use super::{Double, answer};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;

/// How an answer goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, with an error in Harbor's form.
    Status(u16),
    /// 429, to be tried again after so many seconds.
    Busy(u64),
    /// 429, to be tried again at this time.
    BusyUntil(SystemTime),
    /// The connection is reset before any answer.
    Reset,
    /// The beginning of an answer, and never more.
    Stall,
    /// The right answer, a byte a second.
    Trickle,
    /// This fault while this is set; all is well otherwise.
    While(Arc<AtomicBool>, Box<Fault>),
    /// This fault for so many requests; then all is well.
    Times(usize, Box<Fault>),
    /// A page of HTML with the status 200, as proxies and login pages send it.
    Html,
    /// A body that ends before its `Content-Length`.
    BrokenOff,
    /// A body of 33 MiB.
    Huge,
    /// No answer, ever.
    Silent,
    /// The right answer, once the semaphore has a permit for it.
    Held(Arc<Semaphore>),
    /// A redirect to the same path behind this address; the right answer where the path begins with it already.
    Moved(String),
    /// A redirect to where the request went.
    MovedInACircle,
    /// The right answer, but its next page is said to be at this address.
    NextPageAt(String),
    /// The right answer without `X-Total-Count` and `Link`.
    NoPaging,
    /// The right answer as of a Harbor that does not know the filter `q`.
    NoFilter,
    /// The right answer, after something was pushed to this repository the first time.
    Push(&'static str),
    /// The right answer, after the newest artifact of this repository was deleted the first time.
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
    /// The answer to a request for this path and query.
    pub(super) async fn reply(&self, double: &Double, target: &str, login: Option<&str>) -> Response {
        let before = self.happened.fetch_add(1, Ordering::Relaxed);
        let fault = match &self.fault {
            Fault::Times(count, _) if before >= *count => return double.answer(target, login).await,
            Fault::While(set, _) if !set.load(Ordering::SeqCst) => return double.answer(target, login).await,
            Fault::Times(_, fault) | Fault::While(_, fault) => fault,
            fault => fault,
        };
        let right = async || double.answer(target, login).await;
        match fault {
            Fault::Times(..) | Fault::While(..) => answer::error(500, "FAULT", "one within another"),
            Fault::Status(status) => answer::error(*status, "FAULT", "as the test asked"),
            Fault::Busy(seconds) => {
                let mut response = answer::error(429, "TOO_MANY_REQUEST", "slow down");
                response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
                response
            }
            Fault::BusyUntil(time) => {
                let mut response = answer::error(429, "TOO_MANY_REQUEST", "slow down");
                if let Ok(date) = httpdate::fmt_http_date(*time).parse() {
                    response.headers_mut().insert(RETRY_AFTER, date);
                }
                response
            }
            // The server ends the connection before it has sent anything, and the listener has it reset then.
            Fault::Reset => Body::from_stream(
                stream::iter([Err::<Bytes, _>(ErrorKind::ConnectionReset)])
                    .map(|chunk| chunk.map_err(std::io::Error::from)),
            )
            .into_response(),
            Fault::Stall => {
                let begin = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"[{"))]);
                ([(CONTENT_TYPE, "application/json")], Body::from_stream(begin.chain(stream::pending())))
                    .into_response()
            }
            Fault::Trickle => {
                let (parts, body) = right().await.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
                let bytes = stream::iter((0..body.len()).map(move |at| body.slice(at..=at))).then(async |byte| {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok::<_, std::io::Error>(byte)
                });
                Response::from_parts(parts, Body::from_stream(bytes))
            }
            Fault::Html => ([(CONTENT_TYPE, "text/html; charset=utf-8")], "<html>Please log in</html>").into_response(),
            Fault::BrokenOff => broken_off(),
            Fault::Huge => {
                let megabyte = Bytes::from(vec![b' '; 1024 * 1024]);
                let body = stream::iter((0..33).map(move |_| Ok::<_, std::io::Error>(megabyte.clone())));
                ([(CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response()
            }
            Fault::Silent => std::future::pending().await,
            Fault::Held(permits) => {
                if let Ok(permit) = permits.acquire().await {
                    permit.forget();
                }
                right().await
            }
            Fault::Moved(address) if target.starts_with(address) => right().await,
            Fault::Moved(address) => redirect(&format!("{address}{target}")),
            Fault::MovedInACircle => redirect(target),
            Fault::NextPageAt(address) => {
                let mut response = right().await;
                if let Ok(link) = format!("<{address}?page=2&page_size=100>; rel=\"next\"").parse() {
                    response.headers_mut().insert(LINK, link);
                }
                response
            }
            Fault::NoPaging => {
                let mut response = right().await;
                response.headers_mut().remove("x-total-count");
                response.headers_mut().remove(LINK);
                response
            }
            Fault::NoFilter => double.answer(&target.replace("&q=", "&ignored="), login).await,
            Fault::Push(repository) | Fault::Delete(repository) => {
                if before == 0
                    && let Some(artifacts) = double.registry.lock().await.artifacts(repository)
                {
                    match fault {
                        Fault::Push(_) => artifacts.push(),
                        _ => artifacts.delete(),
                    }
                }
                right().await
            }
        }
    }
}

fn redirect(location: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

/// Headers and the first bytes of the body, then the connection ends.
fn broken_off() -> Response {
    let begin = stream::iter([Ok(Bytes::from_static(b"[{\"name\": \"a\""))]);
    // The server sends what it has when it has to wait.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let body = Body::from_stream(begin.chain(end).map(|chunk: std::io::Result<Bytes>| chunk));
    ([(CONTENT_TYPE, "application/json"), (CONTENT_LENGTH, "1000")], body).into_response()
}
