//! Failed logins of the last minute, which limit further ones of the same client. There is no limit of all clients together: whoever
//! has many addresses would lock everybody out with it, and can guess tokens without a login.
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
/// Most failures that are remembered.
const MAX_REMEMBERED: usize = 1000;

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
        let mut own = failures.iter().filter(|failure| failure.client == client);
        if let (count, Some(oldest)) = (own.clone().count(), own.next())
            && count >= PER_CLIENT
        {
            return Err(WINDOW.saturating_sub(now.saturating_duration_since(oldest.at)));
        }
        let succeeded = succeeds();
        if !succeeded {
            if failures.len() >= MAX_REMEMBERED {
                failures.pop_front();
            }
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
    fn failures_of_many_clients_lock_nobody_else_out() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        for number in 0..2 * MAX_REMEMBERED {
            let client = address(&format!("10.0.{}.{}", number / 256, number % 256));
            assert_eq!(logins.attempt(client, now, || false), Ok(false), "{number}");
        }
        assert_eq!(logins.attempt(address("10.1.0.0"), now + SECOND, || true), Ok(true));
        assert_eq!(logins.failures().len(), MAX_REMEMBERED, "the list has a bound");
    }
}
