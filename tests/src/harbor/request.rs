//! A request that the double got.

use http::header::AUTHORIZATION;

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

impl HarborRequest {
    pub(super) fn of<B>(request: &http::Request<B>) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Self { target, version: request.version(), headers: request.headers().clone() }
    }

    /// The value of a header, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The login, if there is one.
    pub fn login(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())
    }
}
