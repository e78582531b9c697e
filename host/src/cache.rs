//! A shared HTTP cache before the composition (RFC 9111, 5861, 9211): what was answered is given out again as long as its
//! `Cache-Control` says, and many that ask at once are answered by one listing.
//!
//! - `answer`: one answer, and how long it is good;
//! - `shared`: a body that is read by many while it arrives;
//! - `store`: what is kept, within so many bytes;
//! - `encoding`: gzip and zstd.

mod answer;
mod encoding;
mod shared;
mod store;

use crate::problem::problem;
use crate::stamp::Stamp;
use crate::telemetry::metrics;
use crate::telemetry::tally::Tally;
use answer::{Answer, CACHE_STATUS, Use};
use futures_util::future::BoxFuture;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, PRAGMA, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Empty};
use sha2::{Digest, Sha256};
use shared::{End, Reader};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Key, Role, Store};
use tokio::sync::{oneshot, watch};
use wasmtime_wasi_http::WasiBody;

/// Answers what is not kept; fails by an answer too.
pub(crate) type Origin = Arc<dyn Fn(Request<WasiBody>) -> BoxFuture<'static, Response<WasiBody>> + Send + Sync>;

/// The cache.
pub(crate) struct Cache {
    origin: Origin,
    store: Arc<Store>,
    /// An edit of this file makes every answer an old one.
    ignore_file: PathBuf,
}

impl Cache {
    /// An empty cache of so many bytes.
    pub(crate) fn new(origin: Origin, max_bytes: usize, ignore_file: PathBuf) -> Arc<Self> {
        Arc::new(Self { origin, store: Arc::new(Store::new(max_bytes)), ignore_file })
    }

    /// Answers a request.
    pub(crate) async fn answer(self: &Arc<Self>, request: Request<WasiBody>) -> Response<WasiBody> {
        let directives = Directives::of(request.headers());
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.forward(request, "method").await;
        }
        if directives.no_store || request.headers().contains_key(AUTHORIZATION) {
            return self.forward(request, "bypass").await;
        }
        let (head, body) = request.into_parts();
        let key = Key::of(&head);
        let stamp = Stamp::of(&self.ignore_file);
        let why = match self.store.kept(&key) {
            None => "uri-miss",
            Some(answer) => {
                let usable = answer.usable(&head, stamp);
                if matches!(usable, Use::Stale)
                    && let Role::Lead(number, others) = self.store.role(&key, stamp, false)
                {
                    tokio::spawn(Arc::clone(self).fetch(key.clone(), stamp, number, head.clone(), others, None));
                }
                match usable {
                    Use::No(why) => why,
                    Use::Fresh | Use::Stale => match answer.hit(&head, &self.store) {
                        Some(response) => return response,
                        None => "miss",
                    },
                }
            }
        };
        if directives.only_if_cached {
            return problem(
                StatusCode::GATEWAY_TIMEOUT,
                "There is no kept answer, and only-if-cached forbids to get one.",
            );
        }
        if head.method == Method::HEAD {
            return self.forward(Request::from_parts(head, body), why).await;
        }
        match self.listen(&key, stamp, &head, directives.no_cache, why).await {
            Some(response) => response,
            None => self.forward(Request::from_parts(head, body), why).await,
        }
    }

    /// Fetches an answer, or follows another request that does; nothing where it can't be shared.
    async fn listen(
        self: &Arc<Self>,
        key: &Key,
        stamp: Stamp,
        head: &request::Parts,
        anew: bool,
        why: &str,
    ) -> Option<Response<WasiBody>> {
        let (answer, reader, collapsed) = match self.store.role(key, stamp, anew) {
            Role::Lead(number, others) => {
                let (sender, first) = oneshot::channel();
                // The fetch goes on for others, and for the next, when this client hangs up.
                tokio::spawn(Arc::clone(self).fetch(key.clone(), stamp, number, head.clone(), others, Some(sender)));
                let (answer, reader) = first.await.ok()?;
                (answer, Some(reader), "")
            }
            Role::Follow(mut coming) => {
                let answer = coming.wait_for(Option::is_some).await.ok()?.clone()?;
                let reader = answer.body.reader().filter(|_| answer.may_be_followed())?;
                (answer, Some(reader), "; collapsed")
            }
        };
        if head.headers.contains_key(IF_NONE_MATCH) {
            // Whether the client has it already shows at the end only.
            answer.body.settled().await;
        }
        let status = HeaderValue::from_str(&format!("image-service; fwd={why}{collapsed}")).ok()?;
        answer.respond(head, reader, status, &self.store)
    }

    /// Takes an answer from the composition, for `first`, for all that follow, and for the store.
    async fn fetch(
        self: Arc<Self>,
        key: Key,
        stamp: Stamp,
        number: u64,
        head: request::Parts,
        others: watch::Sender<Option<Arc<Answer>>>,
        first: Option<oneshot::Sender<(Arc<Answer>, Reader)>>,
    ) {
        let ended = Ended { store: Arc::clone(&self.store), key, number };
        let mut asked = head.clone();
        for name in [ACCEPT_ENCODING, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            asked.headers.remove(name);
        }
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let (parts, mut body) = (self.origin)(Request::from_parts(asked, empty)).await.into_parts();
        let answer = Arc::new(Answer::new(&head, parts, stamp, &self.store));
        if let (Some(first), Some(reader)) = (first, answer.body.reader()) {
            // It may have hung up.
            let _ = first.send((Arc::clone(&answer), reader));
        }
        others.send_replace(Some(Arc::clone(&answer)));

        let mut digest = Sha256::new();
        let mut failed = false;
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::error!("an answer broke off: {error:?}");
                    answer.body.end(End::Broken);
                    return;
                }
            };
            match frame.into_data() {
                Ok(chunk) => {
                    digest.update(&chunk);
                    if answer.body.push(chunk, &self.store).await.is_err() {
                        answer.body.end(End::Broken);
                        return;
                    }
                }
                Err(mut frame) => {
                    if let Some(tally) = frame.trailers_mut().and_then(Tally::take) {
                        failed = tally.errors.is_some_and(|count| count > 0);
                        answer.came_to(tally);
                    }
                }
            }
        }
        let tag: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let keep = answer.keep(&head, tag, failed);
        answer.body.end(End::Complete);
        ended.with(keep.then_some(answer));
        metrics::cache_keeps(self.store.bytes());
    }

    /// Has the composition answer this request alone.
    async fn forward(&self, request: Request<WasiBody>, why: &str) -> Response<WasiBody> {
        let mut response = (self.origin)(request).await;
        if let Ok(status) = HeaderValue::from_str(&format!("image-service; fwd={why}")) {
            response.headers_mut().insert(CACHE_STATUS, status);
        }
        response
    }
}

/// Tells the store of a fetch's end, however it came.
struct Ended {
    store: Arc<Store>,
    key: Key,
    number: u64,
}

impl Ended {
    fn with(self, answer: Option<Arc<Answer>>) {
        self.store.fetched(&self.key, self.number, answer);
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.store.fetched(&self.key, self.number, None);
    }
}

/// What a request says about caches; the rest of it is for `http_cache_semantics`.
#[derive(Default)]
struct Directives {
    no_store: bool,
    no_cache: bool,
    only_if_cached: bool,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for value in headers.get_all(CACHE_CONTROL).iter().chain(headers.get_all(PRAGMA)) {
            for directive in value.to_str().unwrap_or_default().split(',') {
                match directive.trim().to_ascii_lowercase().as_str() {
                    "no-store" => directives.no_store = true,
                    "no-cache" => directives.no_cache = true,
                    "only-if-cached" => directives.only_if_cached = true,
                    _ => {}
                }
            }
        }
        directives
    }
}
