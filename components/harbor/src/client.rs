//! Harbor over wasi:http: a bounded number of requests at a time, each with the login that it needs.

#![forbid(unsafe_code)]

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::poll;
use harbor_api::api::{Api, Ended, Error, Kind, Reply, said};
use harbor_api::config::{Config, Login};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use tokio::sync::{Semaphore, watch};
use url::Url;

/// More in one body is no page of a list.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Requests in a row without an answer after which Harbor counts as gone: each of them may have waited for its time-out.
const GIVE_UP_AFTER: u32 = 3;

/// Asks our host to leave its login out; it takes this header away. See "Outbound HTTP" in host/src/outbound.
const NO_LOGIN: (&str, &[u8]) = ("image-service-login", b"none");

thread_local! {
    /// Whether the login counted in the last listing of this instance.
    static LOGGED_IN: Cell<bool> = const { Cell::new(false) };
}

/// Asks the configured Harbor, as long as there is time.
pub(crate) struct Client(Rc<Inner>);

struct Inner {
    base: Url,
    login: Login,
    anonymous: Cell<bool>,
    permits: Semaphore,
    /// Requests in a row that got no answer.
    unanswered: Cell<u32>,
    /// Why nothing is asked for any more, once the time is over.
    over: watch::Receiver<Option<Ended>>,
}

impl Client {
    /// From when `over` says why, nothing is asked for and nothing waited for any more.
    pub(crate) fn new(config: &Config, over: watch::Receiver<Option<Ended>>) -> Self {
        Self(Rc::new(Inner {
            base: config.base.clone(),
            login: config.login.clone(),
            anonymous: Cell::new(false),
            permits: Semaphore::new(config.concurrency),
            unanswered: Cell::new(0),
            over,
        }))
    }
}

impl Api for Client {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        let inner = Rc::clone(&self.0);
        let url = inner.url(&path);
        let mut over = inner.over.clone();
        let (sender, receiver) = oneshot::channel();
        // A task of its own: who waits for this reply may not be polled for a while, and a request that is not polled
        // would keep its permit from the others. It also goes on when nobody waits any more: its time is the host's.
        let mut asking = Box::pin(async move {
            let _ = sender.send(inner.get(&path).await);
        });
        // It begins here, as a task that is spawned waits until something else happens.
        if poll!(&mut asking).is_pending() {
            wit_bindgen::spawn(asking);
        }
        let ended = over.wait_for(Option::is_some);
        match select(receiver, pin!(ended)).await {
            Either::Left((reply, _)) => {
                reply.unwrap_or_else(|_| Err(Error { url, kind: Kind::NoAnswer("the request was dropped".to_owned()) }))
            }
            Either::Right((why, _)) => {
                let why = why.ok().and_then(|why| *why).unwrap_or(Ended::NoAnswers);
                Err(Error { url, kind: Kind::Ended(why) })
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

    fn note_login(&self, counts: bool) {
        LOGGED_IN.set(counts);
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
        if let Some(why) = *self.over.borrow() {
            return Err(failed(Kind::Ended(why)));
        }
        if self.unanswered.get() >= GIVE_UP_AFTER {
            return Err(failed(Kind::Ended(Ended::NoAnswers)));
        }
        let outcome = self.exchange(path).await;
        self.unanswered.set(match outcome {
            Err(Kind::NoAnswer(_)) => self.unanswered.get() + 1,
            _ => 0,
        });
        outcome.map_err(failed)
    }

    async fn exchange(&self, path: &str) -> Result<Reply, Kind> {
        let mut headers = vec![("accept".to_owned(), b"application/json".to_vec())];
        match (&self.login, self.anonymous.get()) {
            (Login::Own(value), false) => headers.push(("authorization".to_owned(), value.clone().into_bytes())),
            (Login::Host, true) => headers.push((NO_LOGIN.0.to_owned(), NO_LOGIN.1.to_vec())),
            (Login::Own(_), true) | (Login::Host, false) => {}
        }
        let url = Url::parse(&self.url(path)).map_err(|error| Kind::NoAnswer(format!("no address ({error})")))?;
        let answer = http_get::get(&url, &headers, MAX_BODY).await.map_err(Kind::NoAnswer)?;
        if !(200..300).contains(&answer.status) {
            let retry_after = answer.header("retry-after");
            let retry_after = (!retry_after.is_empty()).then(|| match retry_after.parse::<u64>() {
                Ok(seconds) => format!("{seconds} s"),
                Err(_) => retry_after,
            });
            return Err(Kind::Status { status: answer.status, said: said(&answer.body), retry_after });
        }
        Ok(Reply {
            total: answer.header("x-total-count").parse().ok(),
            link: answer.header("link"),
            content_type: answer.header("content-type"),
            body: answer.body,
        })
    }
}
