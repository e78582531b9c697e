//! Harbor over wasi:http: a bounded number of requests at a time, each with the login that it needs.

use crate::api::{Api, Error, Kind, Reply, said};
use crate::config::{Config, Login};
use futures::channel::oneshot;
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::Semaphore;
use url::Url;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_future;
use wit_bindgen::StreamResult;

/// More in one body is no page of a list.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Bytes read from a body at a time.
const READ: usize = 64 * 1024;

/// Requests in a row without an answer after which Harbor counts as gone: each of them may have waited for its time-out.
const GIVE_UP_AFTER: u32 = 3;

/// Asks our host to leave its login out; it takes this header away. See "Outbound HTTP" in host/src/outbound.
const NO_LOGIN: (&str, &[u8]) = ("image-service-login", b"none");

/// Asks the configured Harbor.
pub(crate) struct Client(Rc<Inner>);

struct Inner {
    base: Url,
    login: Login,
    anonymous: Cell<bool>,
    permits: Semaphore,
    /// Requests in a row that got no answer.
    unanswered: Cell<u32>,
}

impl Client {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Rc::new(Inner {
            base: config.base.clone(),
            login: config.login.clone(),
            anonymous: Cell::new(false),
            permits: Semaphore::new(config.concurrency),
            unanswered: Cell::new(0),
        }))
    }
}

impl Api for Client {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        let (sender, receiver) = oneshot::channel();
        let inner = Rc::clone(&self.0);
        let url = inner.url(&path);
        // A task of its own: who waits for this reply may not be polled for a while, and a request that is not polled
        // would keep its permit from the others.
        wit_bindgen::spawn(async move {
            let _ = sender.send(inner.get(&path).await);
        });
        receiver
            .await
            .unwrap_or_else(|_| Err(Error { url, kind: Kind::NoAnswer("the request was dropped".to_owned()) }))
    }

    fn url(&self, path: &str) -> String {
        self.0.url(path)
    }

    fn go_anonymous(&self) {
        self.0.anonymous.set(true);
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
        if self.unanswered.get() >= GIVE_UP_AFTER {
            return Err(failed(Kind::GaveUp));
        }
        let outcome = self.exchange(path).await;
        self.unanswered.set(match outcome {
            Err(Kind::NoAnswer(_)) => self.unanswered.get() + 1,
            _ => 0,
        });
        outcome.map_err(failed)
    }

    async fn exchange(&self, path: &str) -> Result<Reply, Kind> {
        let request = self.request(path).map_err(|what| Kind::NoAnswer(what.to_owned()))?;
        let response = client::send(request).await.map_err(|code| Kind::NoAnswer(no_answer(code)))?;
        let status = response.get_status_code();
        let headers = response.get_headers();
        let header = |name: &str| {
            let values = headers.get(name);
            values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>().join(", ")
        };
        let (total, link) = (header("x-total-count"), header("link"));
        let (content_type, retry_after) = (header("content-type"), header("retry-after"));
        drop(headers);
        let body = read(response).await.map_err(Kind::NoAnswer)?;
        if !(200..300).contains(&status) {
            let retry_after = (!retry_after.is_empty()).then(|| match retry_after.parse::<u64>() {
                Ok(seconds) => format!("{seconds} s"),
                Err(_) => retry_after,
            });
            return Err(Kind::Status { status, said: said(&body), retry_after });
        }
        Ok(Reply { total: total.parse().ok(), link, content_type, body })
    }

    fn request(&self, path: &str) -> Result<Request, &'static str> {
        let mut headers = vec![("accept".to_owned(), b"application/json".to_vec())];
        match (&self.login, self.anonymous.get()) {
            (Login::Own(value), false) => headers.push(("authorization".to_owned(), value.clone().into_bytes())),
            (Login::Host, true) => headers.push((NO_LOGIN.0.to_owned(), NO_LOGIN.1.to_vec())),
            (Login::Own(_), true) | (Login::Host, false) => {}
        }
        let headers = Fields::from_list(&headers).map_err(|_| "the host refused the request's headers")?;
        let (_, no_trailers) = wit_future::new(|| Ok(None));
        let (request, _sent) = Request::new(headers, None, no_trailers, None);
        let scheme = if self.base.scheme() == "https" { Scheme::Https } else { Scheme::Http };
        request.set_scheme(Some(&scheme)).map_err(|()| "the host refused the scheme")?;
        request.set_authority(Some(self.base.authority())).map_err(|()| "the host refused the address")?;
        let path = format!("{}{path}", self.base.path());
        request.set_path_with_query(Some(&path)).map_err(|()| "the host refused the path")?;
        Ok(request)
    }
}

/// The whole body: a page is parsed in one piece.
async fn read(response: Response) -> Result<Vec<u8>, String> {
    let (_, no_result) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Response::consume_body(response, no_result);
    let mut body = Vec::new();
    loop {
        let (status, chunk) = stream.read(Vec::with_capacity(READ)).await;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(format!("the answer is larger than {MAX_BODY} bytes, which no page of a list is"));
        }
        if body.is_empty() {
            body = chunk;
        } else {
            body.extend_from_slice(&chunk);
        }
        if !matches!(status, StreamResult::Complete(_)) {
            break;
        }
    }
    match trailers.await {
        Ok(_) => Ok(body),
        Err(code) => Err(no_answer(code)),
    }
}

/// A failure below HTTP: what happened and what to do.
fn no_answer(code: ErrorCode) -> String {
    match code {
        // Our own host's words, which are more exact than any code.
        ErrorCode::InternalError(Some(message)) => message,
        ErrorCode::ConnectionRefused => "connection refused; is Harbor running, and is this its port?".to_owned(),
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => {
            "the host name can't be resolved; check the Harbor URL and the resolver".to_owned()
        }
        ErrorCode::ConnectionTimeout => "no connection in time; can this machine reach Harbor?".to_owned(),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            "no complete answer in time; is Harbor overloaded?".to_owned()
        }
        ErrorCode::HttpResponseIncomplete | ErrorCode::ConnectionTerminated => {
            "the answer broke off before its end".to_owned()
        }
        ErrorCode::TlsCertificateError => "its certificate is not trusted".to_owned(),
        ErrorCode::HttpRequestDenied => "refused by the host: this is not the configured Harbor".to_owned(),
        other => format!("no answer ({other})"),
    }
}
