//! A double of Harbor: the API v2.0 as Harbor 2.8 and 2.12 answer it, on a free port, with faults where a test wants them.

mod answer;
mod artifacts;
mod fault;
mod listener;

pub use artifacts::{Artifact, Artifacts};
pub use fault::Fault;

use answer::Registry;
use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use fault::Faults;
use http::header::AUTHORIZATION;
use listener::{Counted, Listener};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Whom the double knows.
const USER: &str = "robot$ci";
const PASSWORD: &str = "s3cret";

/// Which Harbor the double is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without `/projects/{project}/artifacts`.
    V2_8,
    /// With it.
    V2_12,
}

/// The double, for the user `robot$ci` with the password `s3cret`. It ends with the test's runtime.
pub struct Harbor {
    /// Its address, with the path prefix if there is one.
    pub url: String,
    double: Arc<Double>,
    asked: watch::Receiver<Vec<Asked>>,
    connections: Counted,
}

/// How many of these had this in their path or query.
fn number(asked: &[Asked], part: &str) -> usize {
    asked.iter().filter(|asked| asked.target.contains(part)).count()
}

/// A request that the double got.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query, as they were sent.
    pub target: String,
    /// The version of HTTP.
    pub version: http::Version,
    /// The value of `Authorization`.
    pub login: Option<String>,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The value of `traceparent`.
    pub traceparent: Option<String>,
    /// The value of `tracestate`.
    pub tracestate: Option<String>,
}

/// A double that is not started yet.
pub struct HarborBuilder {
    registry: Registry,
    faults: Faults,
    prefix: &'static str,
    tls: Option<rustls::ServerConfig>,
    latency: Duration,
}

impl Harbor {
    /// An empty Harbor of this version.
    pub fn of(version: Version) -> HarborBuilder {
        HarborBuilder {
            registry: Registry::new(version),
            faults: Faults::default(),
            prefix: "",
            tls: None,
            latency: Duration::ZERO,
        }
    }

    /// The `harbor_config` of a program that lists it.
    pub fn config(&self) -> Value {
        json!({"url": self.url, "user": USER, "password": PASSWORD})
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// How many requests had this in their path or query.
    pub fn count(&self, part: &str) -> usize {
        number(&self.asked.borrow(), part)
    }

    /// Waits until so many requests have had this in their path or query.
    ///
    /// # Errors
    ///
    /// When the double ends before.
    pub async fn wait_for(&self, part: &str, count: usize) -> Result<()> {
        let mut asked = self.asked.clone();
        asked.wait_for(|asked| number(asked, part) >= count).await?;
        Ok(())
    }

    /// Pushes an artifact to this repository.
    pub async fn push(&self, repository: &str) {
        if let Some(artifacts) = self.double.registry.lock().await.artifacts(repository) {
            artifacts.push();
        }
    }

    /// Goes wrong in this way, and in no other, from now on; in none without one.
    pub fn go_wrong(&self, fault: Option<(&'static str, Fault)>) {
        let mut faults = Faults::default();
        if let Some((part, fault)) = fault {
            faults.add(part, fault);
        }
        *self.double.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    /// How many connections it accepted; over TLS, those whose handshake was completed.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }
}

impl HarborBuilder {
    /// Adds a repository, named with its project, to what the double holds: a number of artifacts, or just these.
    #[must_use]
    pub fn repository(mut self, name: &str, artifacts: impl Into<Artifacts>) -> Self {
        self.registry.add(name, artifacts.into());
        self
    }

    /// Hides a project from those who are not logged in.
    #[must_use]
    pub fn private(mut self, project: &str) -> Self {
        self.registry.hide(project);
        self
    }

    /// Goes wrong in this way wherever path and query of a request have `part` in them. The first that fits counts.
    #[must_use]
    pub fn fault(mut self, part: &'static str, fault: Fault) -> Self {
        self.faults.add(part, fault);
        self
    }

    /// Stands behind a proxy that puts it below this path, such as `/registry`, and has nothing elsewhere.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    /// Speaks TLS with this certificate.
    #[must_use]
    pub fn tls(mut self, config: rustls::ServerConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Thinks for so long about each request.
    #[must_use]
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
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind(self.tls, self.faults.reset()).await?;
        let url = format!("{scheme}://{}{}", listener.address()?, self.prefix);
        let connections = listener.accepted();
        let (notes, asked) = watch::channel(Vec::new());
        let double = Arc::new(Double {
            registry: Mutex::new(self.registry),
            faults: RwLock::new(Arc::new(self.faults)),
            prefix: self.prefix,
            latency: self.latency,
            notes,
        });
        let router = Router::new().fallback(reply).with_state(Arc::clone(&double));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Harbor { url, double, asked, connections })
    }
}

/// What all requests to a double share.
struct Double {
    registry: Mutex<Registry>,
    faults: RwLock<Arc<Faults>>,
    prefix: &'static str,
    latency: Duration,
    notes: watch::Sender<Vec<Asked>>,
}

async fn reply(State(double): State<Arc<Double>>, request: Request) -> Response {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let [login, traceparent, tracestate] = [AUTHORIZATION.as_str(), "traceparent", "tracestate"]
        .map(|name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned));
    double.notes.send_modify(|asked| {
        asked.push(Asked {
            target: target.clone(),
            version: request.version(),
            login: login.clone(),
            headers: request.headers().clone(),
            traceparent,
            tracestate,
        });
    });
    if !double.latency.is_zero() {
        tokio::time::sleep(double.latency).await;
    }
    let faults = Arc::clone(&double.faults.read().unwrap_or_else(PoisonError::into_inner));
    match faults.at(&target) {
        None => double.answer(&target, login.as_deref()).await,
        Some(faulty) => faulty.reply(&double, &target, login.as_deref()).await,
    }
}

impl Double {
    /// The answer of a Harbor without faults.
    async fn answer(&self, target: &str, login: Option<&str>) -> Response {
        match target.strip_prefix(self.prefix) {
            Some(target) => self.registry.lock().await.answer(target, login),
            None => answer::error(404, "NOT_FOUND", "nothing but the proxy is here"),
        }
    }
}
