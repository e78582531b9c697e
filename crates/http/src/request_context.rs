//! The context of a request: its trace, and the facts that its log line reports.

use crate::cache_status::CacheStatus;
use crate::listing_summary::{ListingSummary, PendingSummary};
use http::{HeaderMap, Request};
use image_service_telemetry::spans;
use image_service_telemetry::trace_context::TraceContext;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// The context of a request, shared by everything that works for it.
pub struct RequestContext {
    /// Its place in its trace.
    pub trace: TraceContext,
    /// When its head arrived.
    pub begun: Instant,
    /// Whether another program knows the trace, so that the log line names it.
    trace_shared: AtomicBool,
    /// The summary of the listing, where the answer's own body does not carry it.
    listing: OnceLock<PendingSummary>,
    cache: OnceLock<CacheStatus>,
}

impl RequestContext {
    /// The context of a request; `is_traced` says whether its trace may be recorded.
    pub fn of<B>(request: &Request<B>, is_traced: bool) -> Self {
        let mut trace = TraceContext::of(request.headers());
        if is_traced {
            spans::sample(&mut trace);
        }
        Self {
            trace_shared: AtomicBool::new(trace.parent.is_some() || trace.is_recorded()),
            trace,
            begun: Instant::now(),
            listing: OnceLock::new(),
            cache: OnceLock::new(),
        }
    }

    /// Adds the trace to a request that the program sends for this one. `span` is the span of that request, where it is
    /// recorded.
    pub fn propagate(&self, headers: &mut HeaderMap, span: Option<u64>) {
        self.trace_shared.store(true, Ordering::Relaxed);
        self.trace.propagate(headers, span);
    }

    /// Whether another program knows the trace.
    pub(crate) fn is_trace_shared(&self) -> bool {
        self.trace_shared.load(Ordering::Relaxed)
    }

    /// Sets the place where the summary of the listing will be.
    pub(crate) fn set_pending_summary(&self, summary: &PendingSummary) {
        // An answer has one listing.
        let _ = self.listing.set(Arc::clone(summary));
    }

    /// The summary of the answer's listing, once it is known.
    pub(crate) fn summary(&self) -> Option<ListingSummary> {
        self.listing.get()?.get().copied()
    }

    /// Sets the result of the cache.
    pub(crate) fn set_cache_status(&self, status: CacheStatus) {
        // A request passes the cache once.
        let _ = self.cache.set(status);
    }

    /// The result of the cache; `None` where the request did not pass it.
    pub(crate) fn cache_status(&self) -> Option<CacheStatus> {
        self.cache.get().copied()
    }
}
