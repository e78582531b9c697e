//! Harbor's API as the listing sees it: one GET at a time.

use crate::error::Error;

/// Sends GET requests to Harbor.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Api {
    /// Gets `path`, which follows `/api/v2.0` and begins with a slash. A reply has a success status.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    async fn get(&self, path: String) -> Result<Reply, Error>;

    /// The URL of `path`.
    fn url(&self, path: &str) -> String;

    /// Sends all further requests without the login: Harbor pauses at each wrong password.
    fn go_anonymous(&self);

    /// Whether Harbor accepted the login in the last listing, so that it likely does now.
    fn was_logged_in(&self) -> bool {
        false
    }

    /// Records for the next listing whether Harbor accepted the login.
    fn note_login(&self, _accepted: bool) {}

    /// Whether a URL that Harbor named is on the configured Harbor.
    fn is_own(&self, url: &str) -> bool;
}

/// A response with a success status.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// `X-Total-Count`: the rows of the whole list.
    pub total: Option<u64>,
    /// The `Link` headers, joined by commas.
    pub link: String,
    /// `Content-Type`.
    pub content_type: String,
    /// The whole body.
    pub body: Vec<u8>,
}
