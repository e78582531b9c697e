//! What outlives a reload of the configuration.

use crate::runtime::Loaded;
use crate::sources;
use image_service_http::access;

/// What outlives a reload. The program has one of these for its whole life.
#[derive(Default)]
pub struct Lasting {
    /// The ways to the sources, and what is kept of them.
    pub sources: sources::Lasting,
    /// The engines and compositions in use.
    pub loaded: Loaded,
    /// Certificates, tokens and failed logins.
    pub access: access::Lasting,
}
