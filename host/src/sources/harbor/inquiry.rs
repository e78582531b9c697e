//! What commands want to know of Harbor: its version, and what the login adds to a request.

use super::HarborClient;
use std::time::{Duration, Instant};

/// How often each request is measured. The quickest one counts, as others may have waited for somebody else.
const TIMES: usize = 3;

/// How long the cheapest request takes.
#[derive(Clone, Copy, Debug)]
pub struct LoginCost {
    /// With the login.
    pub with_login: Duration,
    /// As nobody.
    pub without: Duration,
}

impl HarborClient {
    /// Measures what the login adds to a request; `None` where a request fails.
    pub async fn login_cost(&self) -> Option<LoginCost> {
        // The first one may open a connection.
        self.time_of(false).await?;
        let (mut with_login, mut without) = (Duration::MAX, Duration::MAX);
        for _ in 0..TIMES {
            without = without.min(self.time_of(false).await?);
            with_login = with_login.min(self.time_of(true).await?);
        }
        Some(LoginCost { with_login, without })
    }

    /// Harbor's version, as it tells it to who is logged in; `None` where it does not.
    pub async fn version(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct SystemInfo {
            harbor_version: Option<String>,
        }
        let response = self.send(self.probe_request(true).ok()?, None).await.ok()?;
        serde_json::from_slice::<SystemInfo>(response.body()).ok()?.harbor_version
    }

    async fn time_of(&self, with_login: bool) -> Option<Duration> {
        let request = self.probe_request(with_login).ok()?;
        let begun = Instant::now();
        let response = self.send(request, None).await.ok()?;
        response.status().is_success().then(|| begun.elapsed())
    }
}
