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

use crate::app::Reply;
use crate::content::Content;
use crate::problem::problem;
use crate::stamp::Stamp;
use crate::telemetry::metrics;
use crate::telemetry::request::Scope;
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
use std::time::Instant;
use store::{Key, Role, Store};
use tokio::sync::{oneshot, watch};
use wasmtime_wasi_http::WasiBody;

/// Answers what is not kept; fails by an answer too.
pub(crate) type Origin =
    Arc<dyn Fn(Request<WasiBody>, Arc<Scope>) -> BoxFuture<'static, Response<Content>> + Send + Sync>;

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
    pub(crate) fn answer(self: &Arc<Self>, request: Request<WasiBody>, scope: &Arc<Scope>) -> Reply<'static> {
        let directives = Directives::of(request.headers());
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.forward(request, scope, "method");
        }
        if directives.no_store || request.headers().contains_key(AUTHORIZATION) {
            return self.forward(request, scope, "bypass");
        }
        let (head, body) = request.into_parts();
        let key = Key::of(&head);
        let stamp = Stamp::of(&self.ignore_file);
        let why = match self.store.kept(&key) {
            None => "uri-miss",
            Some(answer) => {
                let usable = answer.usable(&head, stamp, scope.begun, directives.any);
                if matches!(usable, Use::Stale)
                    && let Role::Lead(number, others) = self.store.role(&key, stamp, false)
                {
                    let ask = Ask { key: key.clone(), stamp, head: head.clone(), scope: Arc::clone(scope) };
                    tokio::spawn(Arc::clone(self).fetch(ask, number, others, None));
                }
                match usable {
                    Use::No(why) => why,
                    Use::Fresh | Use::Stale => match answer.hit(&head, scope.begun, &self.store) {
                        Some(response) => {
                            scope.lists(answer.listing());
                            return Reply::Now(response);
                        }
                        None => "miss",
                    },
                }
            }
        };
        if directives.only_if_cached {
            return Reply::Now(problem(
                StatusCode::GATEWAY_TIMEOUT,
                "There is no kept answer, and only-if-cached forbids to get one.",
            ));
        }
        if head.method == Method::HEAD {
            return self.forward(Request::from_parts(head, body), scope, why);
        }
        let ask = Ask { key, stamp, head, scope: Arc::clone(scope) };
        let cache = Arc::clone(self);
        Reply::Later(Box::pin(async move {
            match cache.listen(&ask, directives.no_cache, why).await {
                Some(response) => response,
                None => alone((cache.origin)(Request::from_parts(ask.head, body), ask.scope), why).await,
            }
        }))
    }

    /// Fetches an answer, or follows another request that does; nothing where it can't be shared.
    async fn listen(self: &Arc<Self>, ask: &Ask, anew: bool, why: &str) -> Option<Response<Content>> {
        let (answer, reader, collapsed) = match self.store.role(&ask.key, ask.stamp, anew) {
            Role::Lead(number, others) => {
                let (sender, first) = oneshot::channel();
                // The fetch goes on for others, and for the next, when this client hangs up.
                tokio::spawn(Arc::clone(self).fetch(ask.clone(), number, others, Some(sender)));
                let (answer, reader) = first.await.ok()?;
                (answer, Some(reader), "")
            }
            Role::Follow(mut coming) => {
                let answer = coming.wait_for(Option::is_some).await.ok()?.clone()?;
                let reader = answer.body.reader().filter(|_| answer.may_be_followed())?;
                (answer, Some(reader), "; collapsed")
            }
        };
        if ask.head.headers.contains_key(IF_NONE_MATCH) {
            // Whether the client has it already shows at the end only.
            answer.body.settled().await;
        }
        let status = HeaderValue::from_str(&format!("image-service; fwd={why}{collapsed}")).ok()?;
        ask.scope.lists(answer.listing());
        answer.respond(&ask.head, reader, status, Instant::now(), &self.store)
    }

    /// Takes an answer from the composition, for `first`, for all that follow, and for the store.
    async fn fetch(
        self: Arc<Self>,
        ask: Ask,
        number: u64,
        others: watch::Sender<Option<Arc<Answer>>>,
        first: Option<oneshot::Sender<(Arc<Answer>, Reader)>>,
    ) {
        let Ask { key, stamp, head, scope } = ask;
        let ended = Ended { store: Arc::clone(&self.store), key, number };
        let mut asked = head.clone();
        for name in [ACCEPT_ENCODING, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            asked.headers.remove(name);
        }
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let (parts, mut body) = (self.origin)(Request::from_parts(asked, empty), scope).await.into_parts();
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
    fn forward(&self, request: Request<WasiBody>, scope: &Arc<Scope>, why: &'static str) -> Reply<'static> {
        Reply::Later(Box::pin(alone((self.origin)(request, Arc::clone(scope)), why)))
    }
}

/// An answer that is for one request alone, which says why.
async fn alone(answer: BoxFuture<'static, Response<Content>>, why: &'static str) -> Response<Content> {
    let mut response = answer.await;
    if let Ok(status) = HeaderValue::from_str(&format!("image-service; fwd={why}")) {
        response.headers_mut().insert(CACHE_STATUS, status);
    }
    response
}

/// A request that no kept answer will do for.
#[derive(Clone)]
struct Ask {
    key: Key,
    stamp: Stamp,
    head: request::Parts,
    scope: Arc<Scope>,
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
    /// Whether it says anything.
    any: bool,
    no_store: bool,
    no_cache: bool,
    only_if_cached: bool,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for value in headers.get_all(CACHE_CONTROL).iter().chain(headers.get_all(PRAGMA)) {
            directives.any = true;
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
