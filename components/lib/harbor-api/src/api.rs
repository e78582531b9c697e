//! Harbor's API as the listing sees it: one GET at a time.

use crate::costs::Costs;
use crate::error::Error;
use std::time::Duration;

/// Sends GET requests to Harbor.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Api {
    /// Gets `path`, which follows `/api/v2.0` and begins with a slash, and reads the reply. A reply has a success status.
    ///
    /// The implementation calls `read` as soon as the reply is there, even while nothing polls this future, so that no body
    /// waits for a listing that is busy elsewhere.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    async fn get<T: 'static>(&self, path: String, read: impl FnOnce(Reply) -> T + 'static) -> Result<T, Error>;

    /// The URL of `path`.
    fn url(&self, path: &str) -> String;

    /// Sends all further requests without the login: Harbor pauses at each wrong password.
    fn go_anonymous(&self);

    /// Whether the operator wants what Harbor shows to everybody, so that no request has a login.
    fn is_anonymous(&self) -> bool {
        false
    }

    /// Whether a URL that Harbor named is on the configured Harbor.
    fn is_own(&self, url: &str) -> bool;

    /// Time that has passed since any moment before the listing.
    fn now(&self) -> Duration;

    /// Waits.
    async fn pause(&self, time: Duration);

    /// Whether Harbor's database was in trouble in this listing.
    fn is_in_trouble(&self) -> bool {
        false
    }

    /// Notes that it is.
    fn note_trouble(&self) {}

    /// What earlier listings found out.
    fn recall(&self) -> Experience {
        Experience::default()
    }

    /// Keeps it for later listings.
    fn remember(&self, _experience: Experience) {}
}

/// What a listing finds out about Harbor that is of use to the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Experience {
    /// Whether the login counted in the last listing, so that it likely does now.
    pub login_counted: bool,
    /// What requests cost.
    pub costs: Option<Costs>,
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
