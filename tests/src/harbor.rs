//! A double of Harbor: the API v2.0 as Harbor 2.8 and 2.12 answer it, on a free port, with faults where a test wants them.

mod artifacts;
mod contents;
mod fault;
mod listener;
mod version;

pub use artifacts::{Artifact, Artifacts};
pub use fault::Fault;
pub use version::{PASSWORD, USER, Version};

use crate::server::{Response, serve_connection};
use crate::timing;
use crate::wait::within_deadline;
use anyhow::Result;
use contents::Contents;
use fault::Faults;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use hyper::body::Incoming;
use listener::{Accepted, Listener};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// The double. It ends with the test's runtime.
pub struct Harbor {
    /// Its address, with the path prefix if there is one.
    pub url: String,
    double: Arc<Double>,
    requests: watch::Receiver<Vec<HarborRequest>>,
    accepted: Accepted,
}

/// How many of these have this in their path or query.
fn count(requests: &[HarborRequest], part: &str) -> usize {
    requests.iter().filter(|request| request.target.contains(part)).count()
}

/// A request that the double got.
#[derive(Clone, Debug)]
pub struct HarborRequest {
    /// Path and query, as they were sent.
    pub target: String,
    /// The version of HTTP.
    pub version: http::Version,
    /// All headers.
    pub headers: http::HeaderMap,
}

/// A double that is not started yet.
#[must_use]
pub struct HarborBuilder {
    contents: Contents,
    faults: Faults,
    prefix: &'static str,
    tls: Option<rustls::ServerConfig>,
    latency: Duration,
}

impl HarborRequest {
    /// The value of a header, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The login, if there is one.
    pub fn login(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())
    }
}

impl Harbor {
    /// An empty Harbor of this version.
    pub fn of(version: Version) -> HarborBuilder {
        HarborBuilder {
            contents: Contents::new(version),
            faults: Faults::default(),
            prefix: "",
            tls: None,
            latency: Duration::ZERO,
        }
    }

    /// The `harbor_config` of a program that lists it.
    pub fn config(&self) -> Value {
        config_for(&self.url)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<HarborRequest> {
        self.requests.borrow().clone()
    }

    /// How many requests had this in their path or query.
    pub fn count(&self, part: &str) -> usize {
        count(&self.requests.borrow(), part)
    }

    /// Waits until so many requests have had this in their path or query.
    ///
    /// # Errors
    ///
    /// When they do not come.
    pub async fn await_requests(&self, part: &str, expected: usize) -> Result<()> {
        let mut requests = self.requests.clone();
        let arrived = requests.wait_for(|requests| count(requests, part) >= expected);
        within_deadline(&format!("{expected} requests for {part}"), arrived).await??;
        Ok(())
    }

    /// Pushes an artifact to this repository.
    pub async fn push(&self, repository: &str) {
        if let Some(artifacts) = self.double.contents.lock().await.artifacts(repository) {
            artifacts.push();
        }
    }

    /// From now on, goes wrong in this way and in no other; in none without one.
    pub fn set_fault(&self, fault: Option<(&'static str, Fault)>) {
        let mut faults = Faults::default();
        if let Some((part, fault)) = fault {
            faults.add(part, fault);
        }
        *self.double.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    /// How many connections it accepted; over TLS, those whose handshake was completed.
    pub fn connections(&self) -> usize {
        self.accepted.count()
    }
}

/// The `harbor_config` of a program that lists the Harbor at this address, with the double's user and password.
pub fn config_for(url: &str) -> Value {
    json!({"url": url, "user": USER, "password": PASSWORD})
}

impl HarborBuilder {
    /// Adds a repository, named with its project, to what the double holds: a number of artifacts, or just these.
    pub fn repository(mut self, name: &str, artifacts: impl Into<Artifacts>) -> Self {
        self.contents.add(name, artifacts.into());
        self
    }

    /// Adds so many repositories `a/r00`, `a/r01`, …, with so many artifacts each.
    pub fn repositories(self, count: usize, artifacts: usize) -> Self {
        (0..count).fold(self, |harbor, number| harbor.repository(&format!("a/r{number:02}"), artifacts))
    }

    /// Hides a project from those who are not logged in.
    pub fn private(mut self, project: &str) -> Self {
        self.contents.hide(project);
        self
    }

    /// Goes wrong in this way wherever path and query of a request have `part` in them. The first that fits counts.
    pub fn fault(mut self, part: &'static str, fault: Fault) -> Self {
        self.faults.add(part, fault);
        self
    }

    /// Stands behind a proxy that puts it below this path, such as `/registry`, and has nothing elsewhere.
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    /// Speaks TLS with this certificate.
    pub fn tls(mut self, config: rustls::ServerConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Waits so long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(self) -> Result<Harbor> {
        timing::measure_this_test();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(self.tls, self.faults.reset()).await?;
        let url = format!("{scheme}://{}{}", listener.address()?, self.prefix);
        let accepted = listener.accepted();
        let (received, requests) = watch::channel(Vec::new());
        let double = Arc::new(Double {
            contents: Mutex::new(self.contents),
            faults: RwLock::new(Arc::new(self.faults)),
            prefix: self.prefix,
            latency: self.latency,
            received,
        });
        let serving = Arc::clone(&double);
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let double = Arc::clone(&serving);
                serve_connection(stream, move |request| {
                    let double = Arc::clone(&double);
                    async move { Ok::<_, Infallible>(double.reply(&request).await) }
                });
            }
        });
        Ok(Harbor { url, double, requests, accepted })
    }
}

/// What all requests to a double share.
struct Double {
    contents: Mutex<Contents>,
    faults: RwLock<Arc<Faults>>,
    prefix: &'static str,
    latency: Duration,
    received: watch::Sender<Vec<HarborRequest>>,
}

impl Double {
    async fn reply(&self, request: &http::Request<Incoming>) -> Response {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let received = HarborRequest { target, version: request.version(), headers: request.headers().clone() };
        self.received.send_modify(|requests| requests.push(received.clone()));
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let faults = Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner));
        match faults.at(&received.target) {
            None => self.answer(&received.target, received.login()).await,
            Some(faulty) => {
                let received = &received;
                let answer = |target: String| -> BoxFuture<'_, Response> {
                    Box::pin(async move { self.answer(&target, received.login()).await })
                };
                faulty.reply(&self.contents, &received.target, answer).await
            }
        }
    }

    /// The answer of a Harbor without faults.
    async fn answer(&self, target: &str, login: Option<&str>) -> Response {
        match target.strip_prefix(self.prefix) {
            Some(target) => self.contents.lock().await.answer(target, login),
            None => contents::error(404, "NOT_FOUND", "nothing but the proxy is here"),
        }
    }
}
