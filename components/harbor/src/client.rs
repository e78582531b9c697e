//! Sends requests to Harbor over wasi:http: a bounded number at a time, each with the login that it needs.

#![forbid(unsafe_code)]

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::poll;
use harbor_api::api::{Api, Reply};
use harbor_api::config::{Config, Login};
use harbor_api::error::{CancelReason, Error, ErrorKind, excerpt};
use image_model::limits::MAX_HARBOR_BYTES;
use image_model::protocol::{LOGIN_HEADER, LOGIN_NONE};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use tokio::sync::{Semaphore, watch};
use url::Url;

/// Requests in a row without a response after which the client stops. Each of them may have waited for its time-out.
const MAX_UNANSWERED: u32 = 3;

thread_local! {
    /// Whether Harbor accepted the login in the last listing of this instance.
    static LOGGED_IN: Cell<bool> = const { Cell::new(false) };
}

/// Sends requests to the configured Harbor until it is cancelled.
pub(crate) struct Client(Rc<Inner>);

struct Inner {
    base: Url,
    login: Login,
    anonymous: Cell<bool>,
    permits: Semaphore,
    /// Requests in a row without a response.
    unanswered: Cell<u32>,
    /// The reason why the client sends no more requests; `None` while it does.
    cancelled: watch::Receiver<Option<CancelReason>>,
}

impl Client {
    /// Once `cancelled` holds a reason, the client sends no request and waits for no response.
    pub(crate) fn new(config: &Config, cancelled: watch::Receiver<Option<CancelReason>>) -> Self {
        Self(Rc::new(Inner {
            base: config.base.clone(),
            login: config.login.clone(),
            anonymous: Cell::new(false),
            permits: Semaphore::new(config.concurrency),
            unanswered: Cell::new(0),
            cancelled,
        }))
    }
}

impl Api for Client {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        let inner = Rc::clone(&self.0);
        let url = inner.url(&path);
        let mut cancelled = inner.cancelled.clone();
        let (sender, receiver) = oneshot::channel();
        // The request is a task of its own. The listing may not poll this future for a while, and a request that nothing
        // polls would keep its permit from others. The task goes on even when nothing waits for it; the host's time-out
        // bounds it.
        let mut request = Box::pin(async move {
            let _ = sender.send(inner.get(&path).await);
        });
        // The first poll is here, because a spawned task starts only at the next event.
        if poll!(&mut request).is_pending() {
            wit_bindgen::spawn(request);
        }
        let cancelled = cancelled.wait_for(Option::is_some);
        match select(receiver, pin!(cancelled)).await {
            Either::Left((reply, _)) => {
                let dropped = || ErrorKind::NoResponse("the request was dropped".to_owned());
                reply.unwrap_or_else(|_| Err(Error { url, kind: dropped() }))
            }
            Either::Right((reason, _)) => {
                let reason = reason.ok().and_then(|reason| *reason).unwrap_or(CancelReason::Unresponsive);
                Err(Error { url, kind: ErrorKind::Cancelled(reason) })
            }
        }
    }

    fn url(&self, path: &str) -> String {
        self.0.url(path)
    }

    fn go_anonymous(&self) {
        self.0.anonymous.set(true);
    }

    fn was_logged_in(&self) -> bool {
        LOGGED_IN.get()
    }

    fn note_login(&self, accepted: bool) {
        LOGGED_IN.set(accepted);
    }

    fn is_own(&self, url: &str) -> bool {
        self.0.base.join(url).is_ok_and(|url| url.origin() == self.0.base.origin())
    }
}

impl Inner {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn get(&self, path: &str) -> Result<Reply, Error> {
        let failed = |kind| Error { url: self.url(path), kind };
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        if let Some(reason) = *self.cancelled.borrow() {
            return Err(failed(ErrorKind::Cancelled(reason)));
        }
        if self.unanswered.get() >= MAX_UNANSWERED {
            return Err(failed(ErrorKind::Cancelled(CancelReason::Unresponsive)));
        }
        let outcome = self.exchange(path).await;
        self.unanswered.set(match outcome {
            Err(ErrorKind::NoResponse(_)) => self.unanswered.get() + 1,
            _ => 0,
        });
        outcome.map_err(failed)
    }

    async fn exchange(&self, path: &str) -> Result<Reply, ErrorKind> {
        let mut headers = vec![("accept".to_owned(), b"application/json".to_vec())];
        match (&self.login, self.anonymous.get()) {
            (Login::Own(value), false) => headers.push(("authorization".to_owned(), value.clone().into_bytes())),
            (Login::Host, true) => headers.push((LOGIN_HEADER.to_owned(), LOGIN_NONE.into())),
            (Login::Own(_), true) | (Login::Host, false) => {}
        }
        let url =
            Url::parse(&self.url(path)).map_err(|error| ErrorKind::NoResponse(format!("no address ({error})")))?;
        let response = http_get::get(&url, &headers, MAX_HARBOR_BYTES).await.map_err(ErrorKind::NoResponse)?;
        if !(200..300).contains(&response.status) {
            let retry_after = response.header("retry-after");
            let retry_after = (!retry_after.is_empty()).then(|| match retry_after.parse::<u64>() {
                Ok(seconds) => format!("{seconds} s"),
                Err(_) => retry_after,
            });
            return Err(ErrorKind::Status { status: response.status, excerpt: excerpt(&response.body), retry_after });
        }
        Ok(Reply {
            total: response.header("x-total-count").parse().ok(),
            link: response.header("link"),
            content_type: response.header("content-type"),
            body: response.body,
        })
    }
}
