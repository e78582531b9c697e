//! Sends requests to Harbor over wasi:http: a bounded number at a time, each with the login that it needs.

#![forbid(unsafe_code)]

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::poll;
use harbor_api::api::{Api, Experience, Reply};
use harbor_api::config::{Config, Login};
use harbor_api::error::{CancelReason, Error, ErrorKind, of_status};
use image_model::limits::MAX_HARBOR_BYTES;
use image_model::protocol::{LOGIN_HEADER, LOGIN_NONE};
use image_model::types::FailureCode;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use url::Url;
use wasip3::clocks::monotonic_clock;

/// Has Harbor read the project in a path as a name: it takes `/projects/2` for the project with the id 2 otherwise.
const NAMES_IN_PATHS: (&str, &str) = ("x-is-resource-name", "true");

/// Requests in a row without a response after which the client stops. Each of them may have waited for its time-out.
const MAX_UNANSWERED: u32 = 3;

thread_local! {
    /// What the listings of this instance found out. An instance has one configuration, and so one Harbor.
    static EXPERIENCE: Cell<Experience> = Cell::default();
}

/// Sends requests to the configured Harbor until it is cancelled.
pub(crate) struct Client(Rc<Inner>);

struct Inner {
    base: Url,
    login: Login,
    anonymous: Cell<bool>,
    http: http_get::Client,
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
            http: http_get::Client::default(),
            permits: Semaphore::new(config.concurrency),
            unanswered: Cell::new(0),
            cancelled,
        }))
    }
}

impl Api for Client {
    async fn get<T: 'static>(&self, path: String, read: impl FnOnce(Reply) -> T + 'static) -> Result<T, Error> {
        let inner = Rc::clone(&self.0);
        let url = inner.url(&path);
        let mut cancelled = inner.cancelled.clone();
        let (sender, receiver) = oneshot::channel();
        // The request is a task of its own. The listing may not poll this future for a while, and a request that nothing
        // polls would keep its permit from others. The task goes on even when nothing waits for it; the host's time-out
        // bounds it.
        let mut request = Box::pin(async move {
            let _ = sender.send(inner.get(&path, read).await);
        });
        // The first poll is here, because a spawned task starts only at the next event.
        if poll!(&mut request).is_pending() {
            wit_bindgen::spawn(request);
        }
        let cancelled = cancelled.wait_for(Option::is_some);
        match select(receiver, pin!(cancelled)).await {
            Either::Left((reply, _)) => {
                let dropped = || ErrorKind::NoResponse(FailureCode::Other, "the request was dropped".to_owned());
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

    fn is_anonymous(&self) -> bool {
        self.0.login == Login::Nobody
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    async fn pause(&self, time: Duration) {
        monotonic_clock::wait_for(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).await;
    }

    fn recall(&self) -> Experience {
        EXPERIENCE.get()
    }

    fn remember(&self, experience: Experience) {
        EXPERIENCE.set(experience);
    }

    fn is_own(&self, url: &str) -> bool {
        self.0.base.join(url).is_ok_and(|url| url.origin() == self.0.base.origin())
    }
}

impl Inner {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn get<T>(&self, path: &str, read: impl FnOnce(Reply) -> T) -> Result<T, Error> {
        let failed = |kind| Error { url: self.url(path), kind };
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        if let Some(reason) = *self.cancelled.borrow() {
            return Err(failed(ErrorKind::Cancelled(reason)));
        }
        if self.unanswered.get() >= MAX_UNANSWERED {
            return Err(failed(ErrorKind::Cancelled(CancelReason::Unresponsive)));
        }
        let outcome = self.exchange(path, read).await;
        self.unanswered.set(match outcome {
            Err(ErrorKind::NoResponse(..)) => self.unanswered.get() + 1,
            _ => 0,
        });
        outcome.map_err(failed)
    }

    async fn exchange<T>(&self, path: &str, read: impl FnOnce(Reply) -> T) -> Result<T, ErrorKind> {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let mut headers = vec![header("accept", "application/json"), header(NAMES_IN_PATHS.0, NAMES_IN_PATHS.1)];
        match (&self.login, self.anonymous.get()) {
            (Login::Own(value), false) => headers.push(("authorization".to_owned(), value.clone().into_bytes())),
            (Login::Host, true) => headers.push((LOGIN_HEADER.to_owned(), LOGIN_NONE.into())),
            (Login::Own(_), true) | (Login::Host, false) | (Login::Nobody, _) => {}
        }
        let url = Url::parse(&self.url(path))
            .map_err(|error| ErrorKind::NoResponse(FailureCode::Misconfigured, format!("no address ({error})")))?;
        let response = self.http.get(&url, &headers, MAX_HARBOR_BYTES).await;
        let mut response = response.map_err(|failed| ErrorKind::NoResponse(failed.code, failed.message))?;
        if !(200..300).contains(&response.status) {
            let retry_after = response.header("retry-after");
            let retry_after = (!retry_after.is_empty()).then(|| match retry_after.parse::<u64>() {
                Ok(seconds) => format!("{seconds} s"),
                Err(_) => retry_after,
            });
            let location = response.header("location");
            if (300..400).contains(&response.status) && !location.is_empty() {
                return Err(of_status(response.status, location.as_bytes(), retry_after));
            }
            return Err(of_status(response.status, &response.body, retry_after));
        }
        let body = std::mem::take(&mut response.body);
        let reply = Reply {
            total: response.header("x-total-count").parse().ok(),
            link: response.header("link"),
            content_type: response.header("content-type"),
            body,
        };
        // While the response is there, no other large body is read.
        let value = read(reply);
        drop(response);
        Ok(value)
    }
}
