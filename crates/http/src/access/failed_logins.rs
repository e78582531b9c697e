//! Failed logins of the last minute, which limit further ones: of each client, and of all.
//!
//! By hand on purpose: `governor` counts each attempt, and a person who logs in would count too. Its states, one a client,
//! have to be swept; here is one list with a bound.

use crate::client::Client;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures of one client within the window.
const PER_CLIENT: usize = 10;
/// Failures of all clients within the window.
const TOTAL: usize = 100;

/// The failed logins of the last minute.
#[derive(Default)]
pub(super) struct FailedLogins(Mutex<VecDeque<Failure>>);

struct Failure {
    client: Client,
    at: Instant,
}

impl FailedLogins {
    /// Lets a client try, and counts a failure; `Err` has the wait until it may try again. One try at a time, so that many at
    /// once do not pass the limit together.
    pub(super) fn attempt(
        &self,
        address: Option<IpAddr>,
        now: Instant,
        succeeds: impl FnOnce() -> bool,
    ) -> Result<bool, Duration> {
        let client = Client::of(address);
        let mut failures = self.failures();
        while failures.front().is_some_and(|failure| now.saturating_duration_since(failure.at) >= WINDOW) {
            failures.pop_front();
        }
        let own = failures.iter().filter(|failure| failure.client == client);
        let blocking = match own.clone().count() {
            count if count >= PER_CLIENT => own.clone().next(),
            _ if failures.len() >= TOTAL => failures.front(),
            _ => None,
        };
        if let Some(oldest) = blocking {
            return Err(WINDOW.saturating_sub(now.saturating_duration_since(oldest.at)));
        }
        let succeeded = succeeds();
        if !succeeded {
            failures.push_back(Failure { client, at: now });
        }
        Ok(succeeded)
    }

    fn failures(&self) -> MutexGuard<'_, VecDeque<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_client_waits_after_ten_failures_even_with_the_right_token_and_others_do_not() {
        let (logins, begun) = (FailedLogins::default(), Instant::now());
        let client = address("10.0.0.1");
        for number in 0..10 {
            assert_eq!(logins.attempt(client, begun + number * SECOND, || false), Ok(false));
        }
        assert_eq!(logins.attempt(client, begun + 15 * SECOND, || true), Err(45 * SECOND));
        assert_eq!(logins.attempt(address("10.0.0.2"), begun + 15 * SECOND, || true), Ok(true));
        assert_eq!(logins.attempt(client, begun + 60 * SECOND, || true), Ok(true), "the oldest counts no longer");
    }

    #[test]
    fn successes_do_not_count() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        assert!((0..1000).all(|_| logins.attempt(address("10.0.0.1"), now, || true) == Ok(true)));
    }

    #[test]
    fn all_wait_after_a_hundred_failures_of_many_clients() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        for number in 0..100 {
            assert_eq!(logins.attempt(address(&format!("10.0.0.{number}")), now, || false), Ok(false), "{number}");
        }
        assert_eq!(logins.attempt(address("10.0.1.0"), now + SECOND, || true), Err(59 * SECOND));
        assert_eq!(logins.failures().len(), 100, "the list has a bound");
    }
}
