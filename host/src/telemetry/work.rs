//! What an instance does for one request: who asked for it, and how long Harbor took over it.

use super::metrics::{self, Counted};
use super::request::Scope;
use super::source::{self, Source};
use http::{Request, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use wasmtime_wasi_http::{Error, WasiBody};

/// What an instance does for one request. Its end is the end of the listing.
#[derive(Default)]
pub(crate) struct Work {
    /// Nothing where a command of this program asked, not a client.
    scope: Option<Arc<Scope>>,
    harbor: Mutex<Option<(Instant, Instant)>>,
}

impl Work {
    /// Work for the request that has this as an extension.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        Self { scope: request.extensions().get::<Arc<Scope>>().cloned(), harbor: Mutex::default() }
    }

    /// Sends a request to Harbor through `send`, and takes note of what comes of it.
    pub(crate) async fn ask_harbor(
        &self,
        mut request: Request<WasiBody>,
        send: impl AsyncFnOnce(Request<WasiBody>) -> Result<Response<WasiBody>, Error>,
    ) -> Result<Response<WasiBody>, Error> {
        let _counted = Counted::upstream();
        let begun = Instant::now();
        if let Some(scope) = &self.scope {
            scope.tell(request.headers_mut(), None);
        }
        let outcome = send(request).await;
        source::harbor_asked(&outcome, begun.elapsed());
        let mut harbor = self.harbor.lock().unwrap_or_else(PoisonError::into_inner);
        let first = harbor.map_or(begun, |(first, _)| first.min(begun));
        *harbor = Some((first, Instant::now()));
        drop(harbor);
        outcome
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some((first, last)) = *self.harbor.get_mut().unwrap_or_else(PoisonError::into_inner) {
            metrics::source_took(Source::Harbor, last - first);
        }
    }
}
