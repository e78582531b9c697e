//! Requests that compare wait for the one that began first. It leaves kept rows, or its instance a comparison, so that the others
//! cost the registry no listing of their own.

use http::header::{HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use image_service_http::cache::Origin;
use image_service_http::response::{Body, problem};
use image_service_http::routes::{PAGE, compares};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// The longest that the page waits. It says by itself that the images are being read.
const MAX_WAIT_OF_PAGE: Duration = Duration::from_secs(1);
/// When a client should ask again, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Who may list first.
#[derive(Debug)]
pub(crate) struct FirstListing {
    /// The longest that a request waits for another one.
    max_wait: Duration,
    /// Open for as long as the first one is under way.
    under_way: Mutex<Option<watch::Receiver<Purpose>>>,
}

/// What a listing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Comparison,
    /// Rows of a registry that marks no changes serve no comparison.
    Rows,
}

/// The listing that others wait for, until this is dropped.
pub(crate) struct Leader {
    _end: watch::Sender<Purpose>,
}

impl FirstListing {
    pub(crate) fn new(max_wait: Duration) -> Self {
        Self { max_wait, under_way: Mutex::default() }
    }

    /// Leads, if nobody does; otherwise waits for the end of whoever leads, and goes on beside all others that waited.
    async fn turn(&self) -> Option<Leader> {
        loop {
            let mut first = match self.lead(Purpose::Comparison) {
                Ok(leader) => return Some(leader),
                Err(first) => first,
            };
            // It never changes: it ends.
            let _ = first.changed().await;
            if *first.borrow() == Purpose::Comparison {
                return None;
            }
        }
    }

    /// Leads, if nobody does; otherwise gives the end of whoever leads.
    fn lead(&self, purpose: Purpose) -> Result<Leader, watch::Receiver<Purpose>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = under_way.as_ref().filter(|first| first.has_changed().is_ok()) {
            return Err(first.clone());
        }
        let (end, first) = watch::channel(purpose);
        *under_way = Some(first);
        Ok(Leader { _end: end })
    }

    /// Leads with a listing of rows, which is for no request.
    pub(crate) fn begin(&self) -> Option<Leader> {
        self.lead(Purpose::Rows).ok()
    }

    /// The origin, in front of which requests that compare wait for their turn. The first one leads until its answer begins.
    pub(crate) fn before(self: &Arc<Self>, origin: Origin) -> Origin {
        let gate = Arc::clone(self);
        Arc::new(move |request, context| {
            if !compares(request.uri().path()) {
                return origin(request, context);
            }
            let (gate, origin) = (Arc::clone(&gate), Arc::clone(&origin));
            Box::pin(async move {
                if request.uri().path() == PAGE {
                    let leader = timeout(MAX_WAIT_OF_PAGE.min(gate.max_wait), gate.turn()).await.ok().flatten();
                    return origin(request, context).await.map(|body| until_rows(body, leader));
                }
                match timeout(gate.max_wait, gate.turn()).await {
                    Ok(_leader) => origin(request, context).await,
                    Err(_) => still_under_way(),
                }
            })
        })
    }
}

/// The refusal of a request whose listing another one is waiting for.
fn still_under_way() -> Response<Body> {
    let mut refusal = problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "The registry is being listed, and another listing for this request would slow it down. Try again in a few seconds; GET \
         /images gives the rows as they come.",
    );
    refusal.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    refusal
}

/// The body of the page, which begins before its rows are there. Whoever leads does so until they come.
fn until_rows(body: Body, leader: Option<Leader>) -> Body {
    let (mut leader, mut parts) = (leader, 0);
    Body::streaming(body.map_frame(move |frame| {
        parts += 1;
        leader = leader.take().filter(|_| parts < 2);
        frame
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn all_wait_for_the_first_and_go_on_together() {
        let gate = FirstListing::new(Duration::from_secs(1));
        let first = gate.turn().now_or_never().unwrap();
        assert!(first.is_some());
        let (mut second, mut third) = (Box::pin(gate.turn()), Box::pin(gate.turn()));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(first);
        assert!(second.now_or_never().unwrap().is_none() && third.now_or_never().unwrap().is_none());
        assert!(gate.turn().now_or_never().unwrap().is_some(), "whoever comes later leads anew");
    }

    #[tokio::test]
    async fn after_a_listing_of_rows_one_compares_first() {
        let gate = FirstListing::new(Duration::from_secs(1));
        let listing = gate.begin();
        assert!(listing.is_some() && gate.begin().is_none());
        let (mut first, mut second) = (Box::pin(gate.turn()), Box::pin(gate.turn()));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        drop(listing);
        let leader = first.now_or_never().unwrap();
        assert!(leader.is_some() && (&mut second).now_or_never().is_none());
        drop(leader);
        assert!(second.now_or_never().unwrap().is_none());
    }
}
