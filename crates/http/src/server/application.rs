//! The interface between server and application. An application answers requests under one version of the configuration.

use crate::access::Access;
use crate::access_log::RequestLog;
use crate::response::{Body, RequestBody};
use http::{Request, Response};
use image_service_config::Limits;
use std::time::Duration;

/// Answers requests. SIGHUP replaces it as a whole.
pub trait Application: Send + Sync + 'static {
    /// Answers a request that access control let through. A failure is an answer too. A panic costs this request only.
    fn answer(&self, request: Request<RequestBody>, log: &RequestLog) -> impl Future<Output = Response<Body>> + Send;

    /// The limits of clients.
    fn limits(&self) -> &Limits;

    /// Which clients may send requests, and how.
    fn access(&self) -> &Access;

    /// How long requests under way may take after the signal to end.
    fn shutdown_timeout(&self) -> Duration;

    /// Called before this application gets its first request, when it replaces the old one.
    fn activate(&self);
}
