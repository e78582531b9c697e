//! The scope of one request inside an instance: its context, the time that Harbor took, and the spans of both sources.

use crate::sources::crictl::{self, Crictl};
use crate::sources::harbor::{AnswerRoom, HarborClient, SendError};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use image_service_http::request_context::RequestContext;
use image_service_telemetry::metrics;
use image_service_telemetry::source::Source;
use image_service_telemetry::spans::{self, ChildSpan, Kind, Outcome};
use image_service_telemetry::trace_context::TraceContext;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The scope of one request inside an instance. It ends with the listing.
pub(super) struct RequestScope {
    /// `None` for a request of a command of this program.
    context: Option<Arc<RequestContext>>,
    /// The times of the first request to Harbor and of its last answer.
    harbor: Mutex<Option<(Instant, Instant)>>,
    /// The span around all requests to Harbor.
    harbor_span: u64,
}

impl RequestScope {
    /// The scope of a request of a client or of a command.
    pub(super) fn of(context: Option<Arc<RequestContext>>) -> Self {
        Self { context, harbor: Mutex::default(), harbor_span: fastrand::u64(1..) }
    }

    /// The trace, where it is recorded.
    fn recorded(&self) -> Option<&TraceContext> {
        self.context.as_ref().map(|context| &context.trace).filter(|trace| trace.is_recorded())
    }

    /// Asks the node through `crictl`.
    pub(super) async fn ask_node(&self, crictl: &Crictl) -> Result<crictl::Answer, crictl::Error> {
        let since = Instant::now();
        let outcome = crictl.ask().await;
        if let Some(trace) = self.recorded() {
            spans::child_ended(ChildSpan {
                trace,
                id: fastrand::u64(1..),
                parent: trace.span,
                name: Source::Containerd.name().to_owned(),
                kind: Kind::Client,
                since,
                attributes: Vec::new(),
                status: None,
                outcome: outcome.as_ref().err().map_or(Outcome::Success, |error| Outcome::Failed(error.to_string())),
            });
        }
        outcome
    }

    /// Sends a request to Harbor.
    pub(super) async fn ask_harbor(
        &self,
        client: &HarborClient,
        room: &AnswerRoom,
        mut parts: Parts,
    ) -> Result<Response<Bytes>, SendError> {
        let begun = Instant::now();
        let span = self.recorded().map(|trace| (trace, fastrand::u64(1..)));
        if let Some(context) = &self.context {
            context.propagate(&mut parts.headers, span.map(|(_, id)| id));
        }
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let outcome = client.send(parts, Some(room)).await;
        let mut harbor = self.harbor.lock().unwrap_or_else(PoisonError::into_inner);
        let first = harbor.map_or(begun, |(first, _)| first.min(begun));
        *harbor = Some((first, Instant::now()));
        drop(harbor);
        if let Some((trace, id)) = span {
            spans::child_ended(ChildSpan {
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
                    Ok(response) if response.status().as_u16() < 400 => Outcome::Success,
                    Ok(_) => Outcome::Failed(String::new()),
                    Err(error) => Outcome::Failed(error.to_string()),
                },
            });
        }
        outcome
    }
}

impl Drop for RequestScope {
    fn drop(&mut self) {
        let Some((first, last)) = *self.harbor.get_mut().unwrap_or_else(PoisonError::into_inner) else { return };
        metrics::source_answered(Source::Harbor, last.duration_since(first));
        if let Some(trace) = self.recorded() {
            spans::child_ended(ChildSpan {
                trace,
                id: self.harbor_span,
                parent: trace.span,
                name: Source::Harbor.name().to_owned(),
                kind: Kind::Internal,
                since: first,
                attributes: Vec::new(),
                status: None,
                outcome: Outcome::Success,
            });
        }
    }
}
