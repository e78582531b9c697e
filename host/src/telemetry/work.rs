//! What an instance does for one request: who asked for it, and how long Harbor took over it.

use super::metrics::{self, Counted};
use super::otlp::{Kind, Outcome};
use super::random::random;
use super::request::Scope;
use super::source::{self, Source};
use super::spans::{self, Part};
use super::trace::Trace;
use crate::crictl::{self, Crictl};
use http::{Request, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use wasmtime_wasi_http::{Error, WasiBody};

/// What an instance does for one request. Its end is the end of the listing.
pub(crate) struct Work {
    /// Nothing where a command of this program asked, not a client.
    scope: Option<Arc<Scope>>,
    /// From the first request to Harbor to the last answer.
    harbor: Mutex<Option<(Instant, Instant)>>,
    /// The span of all that Harbor is asked.
    harbor_span: u64,
}

impl Work {
    /// Work for a client's request, or for a command's.
    pub(crate) fn of(scope: Option<Arc<Scope>>) -> Self {
        Self { scope, harbor: Mutex::default(), harbor_span: random() }
    }

    /// The trace, where it is recorded.
    fn recorded(&self) -> Option<&Trace> {
        self.scope.as_ref().map(|scope| &scope.trace).filter(|trace| trace.is_recorded())
    }

    /// Asks the node through `crictl`.
    pub(crate) async fn ask_node(&self, crictl: &Crictl) -> Result<crictl::Answer, crictl::Error> {
        let since = Instant::now();
        let outcome = crictl.ask().await;
        if let Some(trace) = self.recorded() {
            spans::part(Part {
                trace,
                id: random(),
                parent: trace.span,
                name: Source::Containerd.name().to_owned(),
                kind: Kind::Client,
                since,
                attributes: Vec::new(),
                status: None,
                outcome: outcome.as_ref().err().map_or(Outcome::Well, |error| Outcome::Failed(error.to_string())),
            });
        }
        outcome
    }

    /// Sends a request to Harbor through `send`, and takes note of what comes of it.
    pub(crate) async fn ask_harbor(
        &self,
        mut request: Request<WasiBody>,
        send: impl AsyncFnOnce(Request<WasiBody>) -> Result<Response<WasiBody>, Error>,
    ) -> Result<Response<WasiBody>, Error> {
        let _counted = Counted::upstream();
        let begun = Instant::now();
        let span = self.recorded().map(|trace| (trace, random()));
        if let Some(scope) = &self.scope {
            scope.tell(request.headers_mut(), span.map(|(_, id)| id));
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let outcome = send(request).await;
        source::harbor_asked(&outcome, begun.elapsed());
        let mut harbor = self.harbor.lock().unwrap_or_else(PoisonError::into_inner);
        let first = harbor.map_or(begun, |(first, _)| first.min(begun));
        *harbor = Some((first, Instant::now()));
        drop(harbor);
        if let Some((trace, id)) = span {
            spans::part(Part {
                trace,
                id,
                parent: self.harbor_span,
                name: method.to_string(),
                kind: Kind::Client,
                since: begun,
                attributes: vec![
                    ("http.request.method", method.to_string()),
                    ("server.address", uri.host().unwrap_or_default().to_owned()),
                    ("url.path", uri.path().to_owned()),
                    ("url.query", uri.query().unwrap_or_default().to_owned()),
                ],
                status: outcome.as_ref().ok().map(|response| response.status().as_u16()),
                outcome: match &outcome {
                    Ok(response) if response.status().as_u16() < 400 => Outcome::Well,
                    Ok(_) => Outcome::Failed(String::new()),
                    Err(Error::InternalError(Some(words))) => Outcome::Failed(words.clone()),
                    Err(error) => Outcome::Failed(format!("{error:?}")),
                },
            });
        }
        outcome
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Some((first, last)) = *self.harbor.get_mut().unwrap_or_else(PoisonError::into_inner) else { return };
        metrics::source_took(Source::Harbor, last - first);
        if let Some(trace) = self.recorded() {
            spans::part(Part {
                trace,
                id: self.harbor_span,
                parent: trace.span,
                name: Source::Harbor.name().to_owned(),
                kind: Kind::Internal,
                since: first,
                attributes: Vec::new(),
                status: None,
                outcome: Outcome::Well,
            });
        }
    }
}
