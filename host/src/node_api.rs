//! The node API: the images of this node over HTTP, for compositions that run where there is no node.
//!
//! It has the limits of requests that components work on. All who ask at the same time share one question to the node, and one text.

use crate::joined::Joined;
use crate::runtime::ConcurrencyLimit;
use crate::sources::crictl::{Crictl, Error, ErrorKind};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::try_join;
use http::{Method, Response, StatusCode};
use image_model::crictl;
use image_service_config::Limits;
use image_service_config::duration::deadline;
use image_service_http::response::{BUSY, Body, busy, problem, refuse_unless_read, text};
use image_service_http::routes::Route;
use image_service_telemetry::panics::Panicked;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Answers `GET /v1/crictl/images` with the JSON of `crictl images -o json`. `access` has checked the client's token.
pub(crate) struct NodeApi {
    crictl: Arc<Crictl>,
    /// Requests whose answers have not been sent, and those that wait.
    limit: ConcurrencyLimit,
    /// Longest wait of a request.
    timeout: Duration,
    joined: Joined<Result<Arc<String>, Error>>,
    latest: Arc<Latest>,
}

impl NodeApi {
    /// The node API within these limits. Requests wait no longer than `timeout`.
    pub(crate) fn new(crictl: Arc<Crictl>, limits: &Limits, timeout: Duration) -> Self {
        let limit = ConcurrencyLimit::new(limits.max_requests, limits.max_waiting);
        Self { crictl, limit, timeout, joined: Joined::default(), latest: Arc::default() }
    }

    pub(crate) async fn answer(&self, method: &Method) -> Response<Body> {
        if let Some(refusal) = refuse_unless_read(method, Route::NodeApi.label()) {
            return refusal;
        }
        let place = self.limit.acquire_run(deadline(self.timeout).into());
        // Who waits for a place has the answer to what was asked meanwhile. Who is refused asks nothing.
        let Ok((place, outcome)) = try_join(place, self.ask().map(Ok)).await else {
            return busy(BUSY);
        };
        match outcome {
            Some(Ok(json)) => {
                let sent = Bytes::from_owner(Sent { json, _place: place });
                text(StatusCode::OK, "application/json", sent)
            }
            Some(Err(error)) => {
                let status = match error.kind() {
                    ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                    ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorKind::Unavailable | ErrorKind::Denied | ErrorKind::Malformed => StatusCode::BAD_GATEWAY,
                };
                problem(status, &error.to_string())
            }
            None => problem(StatusCode::INTERNAL_SERVER_ERROR, &Panicked.to_string()),
        }
    }

    /// The JSON, from the question under way or a new one; `None` where the program failed.
    async fn ask(&self) -> Option<Result<Arc<String>, Error>> {
        let (crictl, latest) = (Arc::clone(&self.crictl), Arc::clone(&self.latest));
        let question = || async move {
            let answer = crictl.ask().await?;
            Ok(latest.share(crictl::to_json(&answer.images)))
        };
        self.joined.ask(question).await
    }
}

/// The latest text, as long as a client takes it. Slow clients keep their texts for long, and a node's images change seldom: who gets
/// the same text shares its memory.
#[derive(Debug, Default)]
struct Latest(Mutex<Weak<String>>);

impl Latest {
    fn share(&self, json: String) -> Arc<String> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = latest.upgrade().filter(|latest| **latest == json) {
            return same;
        }
        let new = Arc::new(json);
        *latest = Arc::downgrade(&new);
        new
    }
}

/// A text that is being sent. Its request counts as under way until then.
struct Sent {
    json: Arc<String>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.json.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_share_the_text_that_is_the_same_as_the_latest_one() {
        let latest = Latest::default();
        let (first, same) = (latest.share("a".to_owned()), latest.share("a".to_owned()));
        assert!(Arc::ptr_eq(&first, &same));
        let other = latest.share("b".to_owned());
        assert_eq!((first.as_str(), other.as_str()), ("a", "b"));
        drop((first, same, other));
        assert!(latest.0.lock().unwrap().upgrade().is_none(), "nobody keeps it");
    }
}
