//! One answer: its head, its body in each coding that was asked for, and, once it is there as a whole, how long it is good.

use super::broadcast_body::{BroadcastBody, End, Reader};
use super::encoding::{Encoder, Encoding};
use super::store::Store;
use crate::cache_status::{CACHE_STATUS, CacheStatus};
use crate::conditional::has_tag;
use crate::file_fingerprint::FileFingerprint;
use crate::listing_summary::{ListingSummary, PendingSummary};
use crate::request_id::REQUEST_ID;
use crate::response::Body;
use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request, response};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Shorter bodies are not worth a coding.
const WORTH_ENCODING: usize = 1024;
/// Up to here a body is kept in one piece.
const ONE_PIECE: usize = 64 * 1024;
/// How long an answer is kept that says that something failed, and how that reads.
const ERRORS_LIFETIME: Duration = Duration::from_secs(1);
const ERRORS_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=1");
/// Bytes that an answer takes besides its body and what comes from its request, roughly.
const OVERHEAD: usize = 4096;

/// The answer to the requests of one key.
pub(super) struct Answer {
    pub(super) fingerprint: FileFingerprint,
    pub(super) body: Arc<BroadcastBody>,
    head: response::Parts,
    begun: (Instant, SystemTime),
    may_encode: bool,
    may_be_followed: bool,
    /// What the listing came to, for the log.
    listing: PendingSummary,
    encoded: Mutex<[Option<Arc<BroadcastBody>>; Encoding::ALL.len()]>,
    kept: OnceLock<Kept>,
}

/// What there is to know of an answer once all of it is there.
struct Kept {
    policy: CachePolicy,
    headers: HeaderMap,
    chunks: Vec<Bytes>,
    length: usize,
    tag: String,
    fresh: Duration,
    /// How much longer it may be given out while a newer one is fetched (RFC 5861).
    stale: Duration,
    /// Whether it depends on nothing in a request but its key.
    plain: bool,
    /// The latest response, without a coding and in each coding.
    latest: [Mutex<Option<Arc<Latest>>>; 1 + Encoding::ALL.len()],
}

/// An answer as it was given out whole. Its headers are good for a second, in which it may be asked for thousands of times.
struct Latest {
    second: Second,
    headers: HeaderMap,
    body: Vec<Bytes>,
}

/// The age that a response states, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Second {
    age: u64,
    ttl: i64,
}

impl Kept {
    fn slot(&self, encoding: Option<Encoding>) -> MutexGuard<'_, Option<Arc<Latest>>> {
        let slot = &self.latest[encoding.map_or(0, |encoding| 1 + encoding as usize)];
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest response, where it states this age.
    fn latest(&self, encoding: Option<Encoding>, second: Second) -> Option<Arc<Latest>> {
        self.slot(encoding).as_ref().filter(|latest| latest.second == second).map(Arc::clone)
    }

    fn remember(&self, encoding: Option<Encoding>, latest: Latest) {
        *self.slot(encoding) = Some(Arc::new(latest));
    }
}

/// Whether an answer that is kept will do.
pub(super) enum Use {
    /// Yes.
    Fresh,
    /// Yes, but a newer one has to be fetched for those to come.
    Stale,
    /// No; why, as a value of `fwd` (RFC 9211).
    No(&'static str),
}

impl Answer {
    /// An answer whose body has yet to come.
    pub(super) fn new(
        request: &request::Parts,
        head: response::Parts,
        fingerprint: FileFingerprint,
        store: &Store<Self>,
    ) -> Self {
        let fields = request.headers.iter().chain(&head.headers).map(|(name, value)| name.as_str().len() + value.len());
        let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
        // Once as it came, once for the policy.
        let overhead = OVERHEAD + 2 * (fields.sum::<usize>() + target);
        let begun = (Instant::now(), SystemTime::now());
        let reusable = lifetime(request, &head, begun.1).is_some() || head.status.is_server_error();
        Self {
            fingerprint,
            body: BroadcastBody::new(store, overhead),
            may_encode: may_encode(&head),
            may_be_followed: reusable && !head.headers.contains_key(VARY),
            head,
            begun,
            listing: PendingSummary::default(),
            encoded: Mutex::default(),
            kept: OnceLock::new(),
        }
    }

    /// What the listing came to; told before the end of the body.
    pub(super) fn came_to(&self, summary: ListingSummary) {
        let _ = self.listing.set(summary);
    }

    /// What the listing came to, once it is known.
    pub(super) fn listing(&self) -> &PendingSummary {
        &self.listing
    }

    /// Whether requests besides the one that it was fetched for may have it before it is complete: what may be kept, and
    /// failures, as asking again at once would only make them worse.
    pub(super) fn may_be_followed(&self) -> bool {
        self.may_be_followed
    }

    /// Decides, after the last byte and before the end is told, whether it is kept. `tag` is a digest of its bytes, `failed`
    /// whether something in it did.
    pub(super) fn keep(&self, request: &request::Parts, tag: String, failed: bool) -> bool {
        let Some(chunks) = self.body.held() else { return false };
        let mut head = self.head.clone();
        let Some((mut policy, mut fresh)) = lifetime(request, &head, self.begun.1) else { return false };
        if failed && fresh > ERRORS_LIFETIME {
            head.headers.insert(CACHE_CONTROL, ERRORS_CACHE_CONTROL);
            let Some(short) = lifetime(request, &head, self.begun.1) else { return false };
            (policy, fresh) = short;
        }
        let stale = if failed { Duration::ZERO } else { stale_while_revalidate(&head.headers) };
        let length = chunks.iter().map(Bytes::len).sum();
        let chunks = if length <= ONE_PIECE { vec![chunks.concat().into()] } else { chunks };
        let plain = !head.headers.contains_key(VARY);
        let latest = Default::default();
        let kept = Kept { policy, headers: head.headers, chunks, length, tag, fresh, stale, plain, latest };
        self.kept.set(kept).is_ok()
    }

    /// How old it is.
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun.0)
    }

    /// Whether it will do for this request, which came at `now`, with `directives` where it says something about caches.
    pub(super) fn usable(
        &self,
        request: &request::Parts,
        fingerprint: FileFingerprint,
        now: Instant,
        directives: bool,
    ) -> Use {
        let Some(kept) = self.kept.get() else { return Use::No("miss") };
        if self.fingerprint != fingerprint {
            return Use::No("stale");
        }
        let age = self.age(now);
        if kept.plain && !directives {
            return match age {
                age if age < kept.fresh => Use::Fresh,
                age if age < kept.fresh + kept.stale => Use::Stale,
                _ => Use::No("stale"),
            };
        }
        match kept.policy.before_request(request, SystemTime::now()) {
            BeforeRequest::Fresh(_) => Use::Fresh,
            BeforeRequest::Stale { matches: false, .. } => Use::No("vary-miss"),
            BeforeRequest::Stale { .. } if age < kept.fresh => Use::No("request"),
            BeforeRequest::Stale { .. } => Use::No("stale"),
        }
    }

    /// The coding that this request gets.
    fn encoding(&self, request: &request::Parts) -> Option<Encoding> {
        let long = self.kept.get().is_none_or(|kept| kept.length >= WORTH_ENCODING);
        if self.may_encode && long { Encoding::accepted(&request.headers) } else { None }
    }

    /// The response to a request that came at `now`, from the kept answer.
    pub(super) fn hit(
        &self,
        request: &request::Parts,
        now: Instant,
        store: &Arc<Store<Answer>>,
    ) -> Option<(Response<Body>, CacheStatus)> {
        let kept = self.kept.get()?;
        let age = self.age(now);
        let ttl = (kept.fresh.as_secs_f64() - age.as_secs_f64()).floor() as i64;
        let second = Second { age: age.as_secs(), ttl };
        let status = CacheStatus::Hit { ttl };
        let encoding = self.encoding(request);
        let conditional = request.headers.contains_key(IF_NONE_MATCH);
        if !conditional && let Some(latest) = kept.latest(encoding, second) {
            let body = if request.method == Method::HEAD { Body::EMPTY } else { Body::from_pieces(&latest.body) };
            return Some((response(self.head.status, latest.headers.clone(), body), status));
        }
        let response = self.respond(request, None, status, now, store)?;
        if !conditional && let Some(body) = self.whole(kept, encoding) {
            let mut headers = response.headers().clone();
            // Placeholder, overwritten by the access log without growing the map.
            headers.insert(REQUEST_ID, HeaderValue::from_static(""));
            // One whose body was not whole a moment ago has no length.
            if headers.contains_key(CONTENT_LENGTH) {
                kept.remember(encoding, Latest { second, headers, body });
            }
        }
        Some((response, status))
    }

    /// The body in a coding, where all of it is there.
    fn whole(&self, kept: &Kept, encoding: Option<Encoding>) -> Option<Vec<Bytes>> {
        let Some(encoding) = encoding else { return Some(kept.chunks.clone()) };
        let all = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        all[encoding as usize].as_ref()?.whole()
    }

    /// The answer as far as it goes, to a request that came at `now`; from `reader` where its beginning may be gone. Nothing
    /// where it is.
    pub(super) fn respond(
        &self,
        request: &request::Parts,
        reader: Option<Reader>,
        status: CacheStatus,
        now: Instant,
        store: &Arc<Store<Answer>>,
    ) -> Option<Response<Body>> {
        let kept = self.kept.get();
        let encoding = self.encoding(request);
        let mut headers = kept.map_or(&self.head.headers, |kept| &kept.headers).clone();
        headers.insert(CACHE_STATUS, status.header_value()?);
        if self.may_encode {
            headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if let Some(kept) = kept {
            headers.insert(AGE, HeaderValue::from(self.age(now).as_secs()));
            let tag = encoding.map_or_else(
                || format!("\"{}\"", kept.tag),
                |encoding| format!("\"{}-{}\"", kept.tag, encoding.name()),
            );
            let matches = has_tag(&request.headers, &tag);
            headers.insert(ETAG, HeaderValue::try_from(tag).ok()?);
            if matches {
                for name in [CONTENT_TYPE, CONTENT_LENGTH] {
                    headers.remove(name);
                }
                return Some(response(StatusCode::NOT_MODIFIED, headers, Body::EMPTY));
            }
        }
        let body = match (encoding, kept) {
            (None, Some(kept)) => whole(&kept.chunks, &mut headers),
            (None, None) => Body::streaming(reader.or_else(|| self.body.reader())?.into_body()),
            (Some(encoding), _) => {
                headers.insert(CONTENT_ENCODING, encoding.value());
                headers.remove(CONTENT_LENGTH);
                let (encoded, reader) = self.encoded(encoding, reader, store)?;
                match encoded.whole() {
                    Some(chunks) => whole(&chunks, &mut headers),
                    None => Body::streaming(reader.into_body()),
                }
            }
        };
        let body = if request.method == Method::HEAD { Body::EMPTY } else { body };
        Some(response(self.head.status, headers, body))
    }

    /// The body in a coding, which it is put into once, when it is first asked for.
    fn encoded(
        &self,
        encoding: Encoding,
        reader: Option<Reader>,
        store: &Arc<Store<Answer>>,
    ) -> Option<(Arc<BroadcastBody>, Reader)> {
        let mut all = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut all[encoding as usize];
        if let Some(shared) = known
            && let Some(reader) = shared.reader()
        {
            return Some((Arc::clone(shared), reader));
        }
        let source = reader.or_else(|| self.body.reader())?;
        let shared = BroadcastBody::new(store, 0);
        let reader = shared.reader()?;
        tokio::spawn(encode(source, encoding, Arc::clone(&shared), Arc::clone(store)));
        *known = Some(Arc::clone(&shared));
        Some((shared, reader))
    }
}

async fn encode(mut source: Reader, encoding: Encoding, target: Arc<BroadcastBody>, store: Arc<Store<Answer>>) {
    let encoded = async {
        let mut encoder = Encoder::new(encoding)?;
        while let Some(chunk) = source.next().await {
            let chunk = encoder.chunk(&chunk.map_err(anyhow::Error::from_boxed)?)?;
            if target.push(chunk.into(), &store).await.is_err() {
                return Ok(());
            }
            // A body that is there already never waits, and others are to be served meanwhile.
            tokio::task::yield_now().await;
        }
        let _ = target.push(encoder.end()?.into(), &store).await;
        anyhow::Ok(())
    };
    match encoded.await {
        Ok(()) => target.end(End::Complete),
        Err(error) => {
            tracing::debug!("a body could not be compressed: {error:#}");
            target.end(End::Broken);
        }
    }
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Chunks that are all there as a body, with its length.
fn whole(chunks: &[Bytes], headers: &mut HeaderMap) -> Body {
    let length: usize = chunks.iter().map(Bytes::len).sum();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Body::from_pieces(chunks)
}

/// How long an answer is fresh by RFC 9111; nothing where a shared cache may not keep it or it never is.
fn lifetime(request: &request::Parts, head: &response::Parts, at: SystemTime) -> Option<(CachePolicy, Duration)> {
    if request.method != Method::GET || head.status != StatusCode::OK {
        return None;
    }
    let policy = CachePolicy::new_options(request, head, at, CacheOptions::default());
    let fresh = policy.time_to_live(at);
    (policy.is_storable() && !fresh.is_zero()).then_some((policy, fresh))
}

/// RFC 5861, section 3.
fn stale_while_revalidate(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = values.flat_map(|value| value.split(','));
    let seconds = directives.find_map(|directive| directive.trim().strip_prefix("stale-while-revalidate="));
    Duration::from_secs(seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_default())
}

fn may_encode(head: &response::Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let control = head.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    head.status == StatusCode::OK
        && !head.headers.contains_key(CONTENT_ENCODING)
        && (kind.starts_with("text/") || kind.contains("json"))
        && !control.contains("no-transform")
}
