//! A Harbor in memory, for tests and benches: it answers at once, and its clock stands still unless it says otherwise.

use crate::api::{Api, Experience, Reply};
use crate::error::Error;
use std::time::Duration;

/// Answers requests from memory.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait InMemory {
    /// Waits before the reply.
    async fn wait(&self) {}

    /// The reply to a GET of this path.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    fn reply(&self, path: &str) -> Result<Reply, Error>;

    /// The time on its clock.
    fn time(&self) -> Duration {
        Duration::ZERO
    }

    /// What earlier listings found out.
    fn experience(&self) -> Experience {
        Experience::default()
    }

    /// Keeps it for later listings.
    fn set_experience(&self, _experience: Experience) {}
}

/// The URL of a path of a Harbor in memory.
pub fn url(path: &str) -> String {
    format!("https://harbor.test/api/v2.0{path}")
}

impl<T: InMemory> Api for T {
    async fn get<R: 'static>(&self, path: String, read: impl FnOnce(Reply) -> R + 'static) -> Result<R, Error> {
        self.wait().await;
        self.reply(&path).map(read)
    }

    fn url(&self, path: &str) -> String {
        url(path)
    }

    fn go_anonymous(&self) {}

    fn is_own(&self, _: &str) -> bool {
        true
    }

    fn now(&self) -> Duration {
        self.time()
    }

    async fn pause(&self, _: Duration) {}

    fn recall(&self) -> Experience {
        self.experience()
    }

    fn remember(&self, experience: Experience) {
        self.set_experience(experience);
    }
}
