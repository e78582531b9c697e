//! One answer: its head, its body in each coding that clients accept, and, once it is complete, how long it is fresh.

use super::broadcast_body::{BroadcastBody, End, PATIENCE, PATIENCE_OF_COPY, Reader};
use super::encoding::{Encoder, Encoding};
use super::store::Store;
use crate::cache_status::{CACHE_STATUS, CacheStatus};
use crate::conditional::has_tag;
use crate::listing_summary::{ListingSummary, PendingSummary};
use crate::request_id::REQUEST_ID;
use crate::response::Body;
use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request, response};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use image_service_config::duration;
use image_service_config::regular_file::Fingerprint;
use image_service_telemetry::moment::Moment;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// The shortest body that is compressed; a coding makes shorter ones hardly smaller.
const MIN_ENCODED_BYTES: usize = 1024;
/// The longest body that is kept as one piece of memory.
const MAX_CONTIGUOUS_BYTES: usize = 64 * 1024;
/// How long the cache keeps an answer that reports failures, and the `Cache-Control` that says so.
const ERRORS_LIFETIME: Duration = Duration::from_secs(1);
const ERRORS_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=1");
/// Rough estimate of the bytes that an answer takes besides its body and the headers and target of its request.
const OVERHEAD_BYTES: usize = 4096;

/// The answer to the requests of one key.
pub(super) struct Answer {
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) body: Arc<BroadcastBody>,
    head: response::Parts,
    /// By a clock that only goes forward, and by the machine's date.
    begun: (Moment, SystemTime),
    may_encode: bool,
    may_be_shared: bool,
    may_be_kept: bool,
    /// The summary of the listing, for the log.
    summary: PendingSummary,
    encoded: Mutex<[Option<Arc<BroadcastBody>>; Encoding::ALL.len()]>,
    kept: OnceLock<StoredAnswer>,
}

/// The facts about an answer that are known once its body is complete.
struct StoredAnswer {
    policy: CachePolicy,
    headers: HeaderMap,
    chunks: Vec<Bytes>,
    length: usize,
    tag: String,
    fresh: Duration,
    /// How much longer it may be served while the cache fetches a newer one (RFC 5861).
    stale: Duration,
    /// Whether it depends on nothing in a request but the key, as it has no `Vary`.
    is_invariant: bool,
    /// The latest response, without a coding and in each coding.
    rendered: [Mutex<Option<Arc<RenderedResponse>>>; 1 + Encoding::ALL.len()],
}

/// A complete response as the cache sent it. Its headers stay right for a second, in which thousands of clients may ask.
struct RenderedResponse {
    stated_age: ResponseAge,
    headers: HeaderMap,
    body: Vec<Bytes>,
}

/// The age that a response states, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ResponseAge {
    age: u64,
    ttl: i64,
}

impl StoredAnswer {
    fn slot(&self, encoding: Option<Encoding>) -> MutexGuard<'_, Option<Arc<RenderedResponse>>> {
        let slot = &self.rendered[encoding.map_or(0, |encoding| 1 + encoding as usize)];
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest response, where it states this age.
    fn rendered(&self, encoding: Option<Encoding>, stated_age: ResponseAge) -> Option<Arc<RenderedResponse>> {
        self.slot(encoding).as_ref().filter(|latest| latest.stated_age == stated_age).map(Arc::clone)
    }

    fn set_rendered(&self, encoding: Option<Encoding>, response: RenderedResponse) {
        *self.slot(encoding) = Some(Arc::new(response));
    }
}

/// Whether the cache may answer a request with a kept answer.
pub(super) enum Reuse {
    /// Yes.
    Fresh,
    /// Yes, but the cache has to fetch a newer one for later requests.
    Stale,
    /// No, for this reason, a value of `fwd` (RFC 9211).
    Forbidden(&'static str),
}

impl Answer {
    /// An answer whose head has arrived, and none of its body.
    pub(super) fn new(
        request: &request::Parts,
        head: response::Parts,
        fingerprint: Option<Fingerprint>,
        store: &Store<Self>,
    ) -> Self {
        let fields = request.headers.iter().chain(&head.headers).map(|(name, value)| name.as_str().len() + value.len());
        let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
        // The answer keeps them once, the policy once more.
        let overhead = OVERHEAD_BYTES + 2 * (fields.sum::<usize>() + target);
        let begun = (Moment::now(), SystemTime::now());
        let may_be_kept = lifetime(request, &head, begun.1).is_some();
        let reusable = may_be_kept || head.status.is_server_error();
        Self {
            fingerprint,
            body: BroadcastBody::new(store, overhead, PATIENCE),
            may_encode: may_encode(&head),
            may_be_shared: reusable && !head.headers.contains_key(VARY),
            may_be_kept,
            head,
            begun,
            summary: PendingSummary::default(),
            encoded: Mutex::default(),
            kept: OnceLock::new(),
        }
    }

    /// Sets the summary of the listing, which arrives before the end of the body.
    pub(super) fn set_summary(&self, summary: ListingSummary) {
        let _ = self.summary.set(summary);
    }

    /// The summary of the listing, once it is known.
    pub(super) fn summary(&self) -> &PendingSummary {
        &self.summary
    }

    /// Whether other requests may share it before it is complete: an answer that may be kept, or a failure, because another
    /// request at once would only add load.
    pub(super) fn may_be_shared(&self) -> bool {
        self.may_be_shared
    }

    /// Whether the store keeps it, if it is complete and not too long.
    pub(super) fn may_be_kept(&self) -> bool {
        self.may_be_kept
    }

    /// Decides whether the store keeps it. Called after the last byte and before readers see the end. `tag` is a digest
    /// of its bytes; `failed` says whether the listing has errors.
    pub(super) fn keep(&self, request: &request::Parts, tag: String, failed: bool) -> bool {
        let Some(chunks) = self.body.kept_chunks() else { return false };
        let mut head = self.head.clone();
        let Some((mut policy, mut fresh)) = lifetime(request, &head, self.begun.1) else { return false };
        if failed && fresh > ERRORS_LIFETIME {
            head.headers.insert(CACHE_CONTROL, ERRORS_CACHE_CONTROL);
            let Some(short) = lifetime(request, &head, self.begun.1) else { return false };
            (policy, fresh) = short;
        }
        let stale = if failed { Duration::ZERO } else { stale_while_revalidate(&head.headers) };
        let length = chunks.iter().map(Bytes::len).sum();
        let chunks = if length <= MAX_CONTIGUOUS_BYTES { vec![chunks.concat().into()] } else { chunks };
        let is_invariant = !head.headers.contains_key(VARY);
        let rendered = Default::default();
        let kept =
            StoredAnswer { policy, headers: head.headers, chunks, length, tag, fresh, stale, is_invariant, rendered };
        self.kept.set(kept).is_ok()
    }

    /// Its age.
    fn age(&self, now: Moment) -> Duration {
        now.since(self.begun.0)
    }

    /// The date of a moment, which no setting of the machine's date changes.
    fn date(&self, now: Moment) -> SystemTime {
        self.begun.1.checked_add(self.age(now)).unwrap_or(self.begun.1)
    }

    /// Whether the cache may answer this request with it. The request arrived at `now`; `directives` says whether it has
    /// cache directives.
    pub(super) fn reuse(
        &self,
        request: &request::Parts,
        fingerprint: Option<Fingerprint>,
        now: Moment,
        directives: bool,
    ) -> Reuse {
        let Some(kept) = self.kept.get() else { return Reuse::Forbidden("miss") };
        if self.fingerprint != fingerprint {
            return Reuse::Forbidden("stale");
        }
        let age = self.age(now);
        if kept.is_invariant && !directives {
            return match age {
                age if age < kept.fresh => Reuse::Fresh,
                age if age < kept.fresh.saturating_add(kept.stale) => Reuse::Stale,
                _ => Reuse::Forbidden("stale"),
            };
        }
        match kept.policy.before_request(request, self.date(now)) {
            BeforeRequest::Fresh(_) => Reuse::Fresh,
            BeforeRequest::Stale { matches: false, .. } => Reuse::Forbidden("vary-miss"),
            BeforeRequest::Stale { .. } if age < kept.fresh => Reuse::Forbidden("request"),
            BeforeRequest::Stale { .. } => Reuse::Forbidden("stale"),
        }
    }

    /// The coding of the response to this request.
    fn encoding(&self, request: &request::Parts) -> Option<Encoding> {
        let long = self.kept.get().is_none_or(|kept| kept.length >= MIN_ENCODED_BYTES);
        if self.may_encode && long { Encoding::accepted(&request.headers) } else { None }
    }

    /// The response to a request that arrived at `now`, from the kept answer.
    pub(super) fn hit(
        &self,
        request: &request::Parts,
        now: Moment,
        store: &Arc<Store<Answer>>,
    ) -> Option<(Response<Body>, CacheStatus)> {
        let kept = self.kept.get()?;
        let age = self.age(now);
        let ttl = (kept.fresh.as_secs_f64() - age.as_secs_f64()).floor() as i64;
        let stated_age = ResponseAge { age: age.as_secs(), ttl };
        let status = CacheStatus::Hit { ttl };
        let encoding = self.encoding(request);
        let conditional = request.headers.contains_key(IF_NONE_MATCH);
        if !conditional && let Some(latest) = kept.rendered(encoding, stated_age) {
            let body = if request.method == Method::HEAD { Body::EMPTY } else { Body::from_pieces(&latest.body) };
            return Some((response(self.head.status, latest.headers.clone(), body), status));
        }
        let response = self.respond(request, None, status, now, store)?;
        if !conditional && let Some(body) = self.complete_body(kept, encoding) {
            let mut headers = response.headers().clone();
            // Placeholder, overwritten by the access log without growing the map.
            headers.insert(REQUEST_ID, HeaderValue::from_static(""));
            // It has a length only if the body was complete when the response was made.
            if headers.contains_key(CONTENT_LENGTH) {
                kept.set_rendered(encoding, RenderedResponse { stated_age, headers, body });
            }
        }
        Some((response, status))
    }

    /// The body in a coding, where it is complete.
    fn complete_body(&self, kept: &StoredAnswer, encoding: Option<Encoding>) -> Option<Vec<Bytes>> {
        let Some(encoding) = encoding else { return Some(kept.chunks.clone()) };
        let all = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        all[encoding as usize].as_ref()?.complete_chunks()
    }

    /// The response to a request that arrived at `now`, complete or not. A `reader` has the beginning of the body even
    /// where the body has dropped it; `None` where there is no beginning.
    pub(super) fn respond(
        &self,
        request: &request::Parts,
        reader: Option<Reader>,
        status: CacheStatus,
        now: Moment,
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
            (None, Some(kept)) => full_body(&kept.chunks, &mut headers),
            (None, None) => Body::streaming(reader.or_else(|| self.body.reader())?.into_body()),
            (Some(encoding), _) => {
                headers.insert(CONTENT_ENCODING, encoding.value());
                headers.remove(CONTENT_LENGTH);
                let (encoded, reader) = self.encoded(encoding, reader, store)?;
                match encoded.complete_chunks() {
                    Some(chunks) => full_body(&chunks, &mut headers),
                    None => Body::streaming(reader.into_body()),
                }
            }
        };
        let body = if request.method == Method::HEAD { Body::EMPTY } else { body };
        Some(response(self.head.status, headers, body))
    }

    /// The body in a coding. The first request for a coding encodes it; later requests share the result.
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
        let shared = BroadcastBody::new(store, 0, PATIENCE_OF_COPY);
        let reader = shared.reader()?;
        tokio::spawn(encode(source, encoding, Arc::clone(&shared), Arc::clone(store)));
        *known = Some(Arc::clone(&shared));
        Some((shared, reader))
    }
}

async fn encode(mut source: Reader, encoding: Encoding, target: Arc<BroadcastBody>, store: Arc<Store<Answer>>) {
    let _end = target.end_with_writer();
    let encoded = async {
        let mut encoder = Encoder::new(encoding)?;
        while let Some(chunk) = source.next().await {
            let chunk = encoder.chunk(&chunk.map_err(anyhow::Error::from_boxed)?)?;
            if target.push(chunk.into(), &store).await.is_err() {
                return Ok(());
            }
            // A complete source never waits, so this task lets others run by itself.
            tokio::task::yield_now().await;
        }
        let _ = target.push(encoder.end()?.into(), &store).await;
        anyhow::Ok(())
    };
    match encoded.await {
        Ok(()) => target.end(End::Complete),
        Err(error) => {
            tracing::debug!("compressing a body failed: {error:#}");
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

/// The body of all chunks, with its length in the headers.
fn full_body(chunks: &[Bytes], headers: &mut HeaderMap) -> Body {
    let length: usize = chunks.iter().map(Bytes::len).sum();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Body::from_pieces(chunks)
}

/// How long an answer is fresh (RFC 9111); `None` where a shared cache may not keep it, or where it is stale at once.
fn lifetime(request: &request::Parts, head: &response::Parts, at: SystemTime) -> Option<(CachePolicy, Duration)> {
    if request.method != Method::GET || head.status != StatusCode::OK {
        return None;
    }
    let policy = CachePolicy::new_options(request, head, at, CacheOptions::default());
    let fresh = policy.time_to_live(at);
    (policy.is_storable() && !fresh.is_zero()).then_some((policy, fresh))
}

/// The directive of RFC 5861, section 3; zero where there is none.
fn stale_while_revalidate(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = values.flat_map(|value| value.split(','));
    let seconds = directives.find_map(|directive| directive.trim().strip_prefix("stale-while-revalidate="));
    duration::from_secs(seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_default())
}

fn may_encode(head: &response::Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let control = head.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    head.status == StatusCode::OK
        && !head.headers.contains_key(CONTENT_ENCODING)
        && (kind.starts_with("text/") || kind.contains("json"))
        && !control.contains("no-transform")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[tokio::test]
    async fn an_answer_with_the_longest_times_can_be_asked_for_at_any_age() {
        let store = Arc::new(Store::new(1024 * 1024));
        let (request, ()) = Request::get("/images").body(()).unwrap().into_parts();
        let fingerprint = None;
        for max_age in [1, u64::MAX] {
            let control = format!("max-age={max_age}, stale-while-revalidate={}", u64::MAX);
            let (head, ()) = Response::builder().header(CACHE_CONTROL, control).body(()).unwrap().into_parts();
            let answer = Answer::new(&request, head, fingerprint, &store);
            answer.body.push(Bytes::from_static(b"{}"), &store).await.unwrap();
            assert!(answer.keep(&request, "tag".to_owned(), false));
            for age in [Duration::ZERO, Duration::from_secs(60)] {
                let now = Moment::now().after(age);
                assert!(!matches!(answer.reuse(&request, fingerprint, now, false), Reuse::Forbidden(_)), "{max_age}");
                assert!(answer.hit(&request, now, &store).is_some(), "{max_age}");
            }
        }
    }
}
