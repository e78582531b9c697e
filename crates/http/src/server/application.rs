//! What the server serves: an application that answers requests under one reading of the configuration.

use crate::access::Access;
use crate::access_log::TrackedBody;
use crate::response::RequestBody;
use http::{Request, Response};
use image_service_config::Limits;
use std::time::Duration;

/// Answers requests. SIGHUP replaces it as a whole.
pub trait Application: Send + Sync + 'static {
    /// Answers a request, whatever happens inside.
    fn answer(
        &self,
        request: Request<RequestBody>,
        over_tls: bool,
    ) -> impl Future<Output = Response<TrackedBody>> + Send;

    /// What clients may not exceed.
    fn limits(&self) -> &Limits;

    /// Who may ask, and over what.
    fn access(&self) -> &Access;

    /// How long requests under way may take once the program has been told to end.
    fn shutdown_timeout(&self) -> Duration;

    /// From now on this application answers, in place of the one before.
    fn activate(&self);
}
