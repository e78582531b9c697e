//! A shared HTTP cache in front of the composition (RFC 9111, 5861, 9211). It serves a kept answer for as long as the
//! answer's `Cache-Control` allows. Clients that ask at the same time share one listing.
//!
//! - `answer`: one answer, and how long it is fresh;
//! - `broadcast_body`: a body that many clients read while it arrives;
//! - `store`: kept answers within a budget of bytes;
//! - `encoding`: gzip and zstd.

mod answer;
mod broadcast_body;
mod encoding;

mod store;

use crate::cache_status::{CACHE_STATUS, CacheStatus};
use crate::listing_summary::ListingSummary;
use crate::request_context::RequestContext;
use crate::response::{Body, Reply, RequestBody, no_body, problem};
use crate::routes::only_reads;
use answer::{Answer, Reuse};
use base16ct::lower;
use broadcast_body::{End, Reader};
use futures_util::future::BoxFuture;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, PRAGMA, RANGE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body_util::BodyExt;
use image_service_config::regular_file::Fingerprint;
use image_service_telemetry::metrics;
use image_service_telemetry::moment::Moment;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::{Key, Role, Store};
use tokio::sync::{oneshot, watch};

/// Answers a request when no kept answer can. A failure is an answer too.
pub type Origin =
    Arc<dyn Fn(Request<RequestBody>, Arc<RequestContext>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// Tells whether the ignore file changed: its fingerprint; `None` where there is no file. It must not wait for the file.
pub type IgnoreFingerprint = Arc<dyn Fn() -> Option<Fingerprint> + Send + Sync>;

/// The cache.
pub struct Cache {
    origin: Origin,
    store: Arc<Store<Answer>>,
    /// An edit of that file makes every kept answer stale.
    ignore_file: IgnoreFingerprint,
}

impl Cache {
    /// An empty cache with a budget in bytes.
    pub fn new(origin: Origin, max_bytes: usize, ignore_file: IgnoreFingerprint) -> Arc<Self> {
        Arc::new(Self { origin, store: Arc::new(Store::new(max_bytes)), ignore_file })
    }

    /// Answers a request.
    pub fn answer(self: &Arc<Self>, request: Request<RequestBody>, context: &Arc<RequestContext>) -> Reply<'static> {
        let directives = Directives::of(request.headers());
        if !only_reads(request.method()) {
            return self.forward(request, context, "method");
        }
        if directives.no_store || request.headers().contains_key(AUTHORIZATION) {
            return self.forward(request, context, "bypass");
        }
        let (head, body) = request.into_parts();
        let key = Key::of(&head);
        let fingerprint = (self.ignore_file)();
        let reason = match self.store.get(&key) {
            None => "uri-miss",
            Some(answer) => {
                let now = Moment::now();
                let reuse = answer.reuse(&head, fingerprint, now, directives.any);
                if matches!(reuse, Reuse::Stale)
                    && let Role::Lead(number, others) = self.store.role(&key, fingerprint, false)
                {
                    let ask = FetchRequest {
                        key: key.clone(),
                        fingerprint,
                        head: head.clone(),
                        context: Arc::clone(context),
                    };
                    tokio::spawn(Arc::clone(self).fetch(ask, number, others, None));
                }
                match reuse {
                    Reuse::Forbidden(reason) => reason,
                    Reuse::Fresh | Reuse::Stale => match answer.hit(&head, now, &self.store) {
                        Some((response, status)) => {
                            context.set_pending_summary(answer.summary());
                            context.set_cache_status(status);
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
            return self.forward(Request::from_parts(head, body), context, reason);
        }
        let ask = FetchRequest { key, fingerprint, head, context: Arc::clone(context) };
        let cache = Arc::clone(self);
        Reply::Later(Box::pin(async move {
            match cache.fetch_or_follow(&ask, directives.no_cache, reason).await {
                Some(response) => response,
                None => {
                    let answer = (cache.origin)(Request::from_parts(ask.head, body), Arc::clone(&ask.context));
                    answer_alone(answer, ask.context, reason).await
                }
            }
        }))
    }

    /// Fetches the answer to a request of the program's own, to its end. Clients of any host share it, as it is under way and as it
    /// is kept. An answer that is longer than the budget has to have a reader, or it would end.
    pub async fn prefetch(self: &Arc<Self>, head: request::Parts, context: Arc<RequestContext>) {
        let (key, fingerprint) = (Key::of(&head).of_program(), (self.ignore_file)());
        let Role::Lead(number, others) = self.store.role(&key, fingerprint, false) else { return };
        let (sender, first) = oneshot::channel();
        tokio::spawn(Arc::clone(self).fetch(
            FetchRequest { key, fingerprint, head, context },
            number,
            others,
            Some(sender),
        ));
        let Ok((_, mut reader)) = first.await else { return };
        while let Some(Ok(_)) = reader.next().await {}
    }

    /// Fetches an answer, or follows another request that fetches it; `None` where the answer can't be shared.
    async fn fetch_or_follow(
        self: &Arc<Self>,
        ask: &FetchRequest,
        no_cache: bool,
        reason: &'static str,
    ) -> Option<Response<Body>> {
        let (answer, reader, collapsed) = match self.store.role(&ask.key, ask.fingerprint, no_cache) {
            Role::Lead(number, others) => {
                let (sender, first) = oneshot::channel();
                // The fetch goes on when this client leaves: other clients may follow it, and the store keeps its answer.
                tokio::spawn(Arc::clone(self).fetch(ask.clone(), number, others, Some(sender)));
                let (answer, reader) = first.await.ok()?;
                (answer, Some(reader), false)
            }
            Role::Follow(mut leader) => {
                let answer = leader.wait_for(Option::is_some).await.ok()?.clone()?;
                let reader = answer.body.reader().filter(|_| answer.may_be_shared())?;
                (answer, Some(reader), true)
            }
        };
        if ask.head.headers.contains_key(IF_NONE_MATCH) && answer.may_be_kept() {
            // The entity tag is a digest of the whole body, so it is known at its end.
            answer.body.settled().await;
        }
        let status = CacheStatus::Forwarded { reason, collapsed };
        let response = answer.respond(&ask.head, reader, status, Moment::now(), &self.store)?;
        ask.context.set_pending_summary(answer.summary());
        ask.context.set_cache_status(status);
        Some(response)
    }

    /// Fetches an answer from the composition for the `first` client, for the `others` that follow, and for the store.
    async fn fetch(
        self: Arc<Self>,
        ask: FetchRequest,
        number: u64,
        others: watch::Sender<Option<Arc<Answer>>>,
        first: Option<oneshot::Sender<(Arc<Answer>, Reader)>>,
    ) {
        let FetchRequest { key, fingerprint, head, context } = ask;
        let guard = FetchGuard { store: Arc::clone(&self.store), key, number };
        let mut forwarded = head.clone();
        // `If-None-Match` stays: a composition may have entity tags of its own. Its 304 is shared with nobody.
        for name in [ACCEPT_ENCODING, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            forwarded.headers.remove(name);
        }
        let (parts, mut body) = (self.origin)(Request::from_parts(forwarded, no_body()), context).await.into_parts();
        let answer = Arc::new(Answer::new(&head, parts, fingerprint, &self.store));
        let _end = answer.body.end_with_writer();
        if let (Some(first), Some(reader)) = (first, answer.body.reader()) {
            // The client may have left.
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
                    if let Some(summary) = frame.trailers_mut().and_then(ListingSummary::take) {
                        failed = summary.errors.is_some_and(|count| count > 0);
                        answer.set_summary(summary);
                    }
                }
            }
        }
        let tag = lower::encode_string(&digest.finalize()[..16]);
        let keep = answer.keep(&head, tag, failed);
        answer.body.end(End::Complete);
        guard.finish(keep.then_some(answer));
        metrics::set_cache_bytes(self.store.bytes());
    }

    /// Sends this request to the composition. No other request shares the answer.
    fn forward(
        &self,
        request: Request<RequestBody>,
        context: &Arc<RequestContext>,
        reason: &'static str,
    ) -> Reply<'static> {
        let answer = (self.origin)(request, Arc::clone(context));
        Reply::Later(Box::pin(answer_alone(answer, Arc::clone(context), reason)))
    }
}

/// The answer to one request, which no other request shares. Its `Cache-Status` gives the reason.
async fn answer_alone(
    answer: BoxFuture<'static, Response<Body>>,
    context: Arc<RequestContext>,
    reason: &'static str,
) -> Response<Body> {
    let mut response = answer.await;
    let status = CacheStatus::forwarded(reason);
    context.set_cache_status(status);
    if let Some(value) = status.header_value() {
        response.headers_mut().insert(CACHE_STATUS, value);
    }
    response
}

/// A request for which the cache fetches an answer.
#[derive(Clone)]
struct FetchRequest {
    key: Key,
    fingerprint: Option<Fingerprint>,
    head: request::Parts,
    context: Arc<RequestContext>,
}

/// Reports the end of a fetch to the store, even when its task is dropped.
struct FetchGuard {
    store: Arc<Store<Answer>>,
    key: Key,
    number: u64,
}

impl FetchGuard {
    fn finish(self, answer: Option<Arc<Answer>>) {
        self.store.finish_fetch(&self.key, self.number, answer);
    }
}

impl Drop for FetchGuard {
    fn drop(&mut self) {
        self.store.finish_fetch(&self.key, self.number, None);
    }
}

/// The cache directives of a request that this cache reads itself; `http_cache_semantics` reads the others.
#[derive(Default)]
struct Directives {
    /// Whether the request has any directive.
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
