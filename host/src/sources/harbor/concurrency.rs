//! How many requests Harbor gets at a time: at most the configured number, and fewer while Harbor is in trouble.
//!
//! - `adaptive_limit`: the present limit, by AIMD (additive increase, multiplicative decrease), as TCP bounds its window;
//! - `latency`: whether an answer took longer than answers of its kind usually take;
//! - `announcement`: when the log says so.
//!
//! A failure that a load may cause (429, 5xx, no answer in time) halves the limit, once for all requests that were under way
//! together. Answers that are mostly slower than usual lower it by a quarter. Good answers raise it by one a round. It is never
//! below 1, and requests beyond it wait; none is refused, as each refusal would cost rows.
//!
//! What others do, and what is taken from them:
//!
//! - Netflix' [concurrency-limits](https://github.com/Netflix/concurrency-limits): `AIMDLimit` lowers at each failure and grows
//!   by one; `Gradient2Limit` multiplies the limit by long-term average / latest time, over all requests alike. Taken: AIMD, and a
//!   long-term average that forgets. Not taken: one average for all, as a page of a project costs Harbor 100 ms and one of a
//!   repository 5.
//! - Envoy's [adaptive concurrency
//!   filter](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter) compares a
//!   percentile of a window with the least time, which it measures by holding nearly all requests back now and then. Taken: a
//!   percentile (the median), as one answer in a hundred that takes seconds is no trouble. Not taken: the least time. It would make
//!   healthy listings slower, and Envoy says that it is for servers without other clients.
//! - [linkerd](https://linkerd.io/2/reference/circuit-breaking/) has no such limit: it takes an endpoint out after failures in a row,
//!   and asks it now and then. There is one Harbor, so nobody else could answer. Taken: the time of a failure is no sample, as a
//!   quick 429 would make a Harbor in trouble look quick.
//!
//! Crates were weighed (tower-acc 0.1, congestion-limiter 0.1, tower-resilience-adaptive 0.14): they have these algorithms as
//! they are, over all requests alike, and answer "how many", not "why". They would replace the arithmetic of
//! `adaptive_limit`, and nothing of `latency`.

mod adaptive_limit;
mod announcement;
mod latency;

use super::failure::Failure;
use adaptive_limit::{AdaptiveLimit, Change};
use announcement::Announcement;
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use image_service_telemetry::metrics;
use image_service_telemetry::source::FailureKind;
use latency::{Kind, Latency};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Limits the requests under way, of all components and instances.
pub(super) struct ConcurrencyLimit {
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    limit: AdaptiveLimit,
    latency: Latency,
    announcement: Announcement,
    /// Requests that hold a permit.
    in_flight: usize,
    /// Permits that requests under way hold beyond the limit. Those that end next give none back.
    excess: usize,
}

/// The right to send a request to Harbor, until it is dropped.
pub(super) struct Permit<'a> {
    of: &'a ConcurrencyLimit,
    /// The semaphore is never closed, so it is always there.
    permit: Option<SemaphorePermit<'a>>,
    begun: Instant,
    /// Requests under way at that time, with this one.
    in_flight: usize,
    generation: u64,
}

/// What the outcome of a request says about Harbor's load.
enum Signal {
    /// An answer of so many bytes.
    Answered(usize),
    /// A failure that a load may cause.
    Overloaded,
    /// Nothing: Harbor refuses the request for what it is, or is not there.
    Neither,
}

impl ConcurrencyLimit {
    /// At most so many requests at a time.
    pub(super) fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        metrics::set_upstream_concurrency_limit(max);
        let state = State {
            limit: AdaptiveLimit::new(max),
            latency: Latency::default(),
            announcement: Announcement::default(),
            in_flight: 0,
            excess: 0,
        };
        Self { permits: Semaphore::new(max), state: Mutex::new(state) }
    }

    /// Waits until another request may go.
    pub(super) async fn acquire(&self) -> Permit<'_> {
        let permit = self.permits.acquire().await.ok();
        let mut state = self.lock();
        state.in_flight += 1;
        let (in_flight, generation) = (state.in_flight, state.limit.generation());
        Permit { of: self, permit, begun: Instant::now(), in_flight, generation }
    }

    /// Makes as many permits as the limit says after this change.
    fn apply(&self, state: &mut State, change: &Change) {
        match change.to.checked_sub(change.from) {
            Some(more) => {
                let kept = more.min(state.excess);
                state.excess -= kept;
                self.permits.add_permits(more - kept);
            }
            None => {
                let fewer = change.from - change.to;
                state.excess += fewer - self.permits.forget_permits(fewer);
            }
        }
        metrics::set_upstream_concurrency_limit(change.to);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The request has this outcome: the limit learns from it. A request that is dropped without one says nothing.
    pub(super) fn ended(self, request: &Parts, outcome: &Result<Response<Bytes>, Failure>) {
        let took = self.begun.elapsed();
        let mut state = self.of.lock();
        // A request that began alone may have got company, and the last of many ends alone.
        let in_flight = self.in_flight.max(state.in_flight);
        let change = match Signal::of(outcome) {
            Signal::Neither => None,
            Signal::Overloaded => state.limit.overloaded(self.generation, in_flight),
            Signal::Answered(bytes) => {
                let pace = state.latency.judge(Kind::of(request, bytes), took, in_flight);
                state.limit.answered(self.generation, pace, in_flight)
            }
        };
        let Some(change) = change else { return };
        self.of.apply(&mut state, &change);
        let message = state.announcement.of(&change, Instant::now());
        drop(state);
        if let Some(message) = message {
            tracing::info!("{message}");
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        let Some(permit) = self.permit.take() else { return };
        match state.excess.checked_sub(1) {
            Some(excess) => {
                state.excess = excess;
                permit.forget();
            }
            // Under the lock, so that whoever lowers the limit sees this permit either held or free.
            None => drop(permit),
        }
    }
}

impl Signal {
    fn of(outcome: &Result<Response<Bytes>, Failure>) -> Self {
        let outcome = match outcome {
            Ok(response) => Ok(response),
            Err(failure) => failure.outcome.as_ref().as_ref(),
        };
        match outcome.map(|response| (response.status(), response.body().len())) {
            Ok((status, bytes)) if status.is_success() => Self::Answered(bytes),
            Ok((status, _)) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Self::Overloaded,
            Err(error) if error.kind() == FailureKind::TimedOut => Self::Overloaded,
            Ok(_) | Err(_) => Self::Neither,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::SendError;
    use super::*;
    use futures_util::FutureExt;
    use http::Request;

    fn parts() -> Parts {
        Request::get("http://harbor/api/v2.0/projects").body(()).unwrap().into_parts().0
    }

    fn answer(status: u16) -> Result<Response<Bytes>, Failure> {
        Failure::of(Response::builder().status(status).body(Bytes::from_static(b"[]")).unwrap())
    }

    fn take(limit: &ConcurrencyLimit) -> Option<Permit<'_>> {
        limit.acquire().now_or_never()
    }

    /// As many permits as there are.
    fn take_all(limit: &ConcurrencyLimit) -> Vec<Permit<'_>> {
        std::iter::from_fn(|| take(limit)).collect()
    }

    #[test]
    fn failures_of_one_moment_halve_the_limit_once() {
        for status in [429, 500, 502, 503, 504] {
            let limit = ConcurrencyLimit::new(64);
            let eight: Vec<_> = (0..8).filter_map(|_| take(&limit)).collect();
            assert_eq!(eight.len(), 8);
            for permit in eight {
                permit.ended(&parts(), &answer(status));
            }
            assert_eq!(take_all(&limit).len(), 4, "{status}");
        }
    }

    #[test]
    fn a_request_that_ran_out_of_time_lowers_the_limit() {
        let limit = ConcurrencyLimit::new(4);
        let timed_out = Err(SendError::failed(FailureKind::TimedOut, "no answer".to_owned()).into());
        for permit in take_all(&limit) {
            permit.ended(&parts(), &timed_out);
        }
        assert_eq!(take_all(&limit).len(), 2);
    }

    #[test]
    fn requests_that_harbor_refuses_or_that_never_reach_it_change_nothing() {
        let limit = ConcurrencyLimit::new(4);
        let unreachable = || Err(SendError::failed(FailureKind::ConnectionRefused, "refused".to_owned()).into());
        for outcome in [answer(401), answer(404), unreachable()] {
            for permit in take_all(&limit) {
                permit.ended(&parts(), &outcome);
            }
            // These end without an outcome, as when a client leaves.
            assert_eq!(take_all(&limit).len(), 4);
        }
    }

    #[test]
    fn a_lower_limit_holds_at_once_though_requests_are_under_way() {
        let limit = ConcurrencyLimit::new(8);
        let mut under_way = take_all(&limit);
        under_way.pop().unwrap().ended(&parts(), &answer(503));
        assert_eq!(under_way.len(), 7);
        for left in (4..7).rev() {
            under_way.pop();
            assert_eq!(under_way.len(), left);
            assert!(take(&limit).is_none(), "{left} are under way, and 4 may be");
        }
        under_way.pop();
        assert!(take(&limit).is_some());
    }

    #[test]
    fn a_limit_that_rises_while_requests_are_under_way_counts_them() {
        let limit = ConcurrencyLimit::new(4);
        let mut old = take_all(&limit);
        old.pop().unwrap().ended(&parts(), &answer(503));
        drop(old.pop());
        // Two old ones are under way, and two may be.
        assert!(take(&limit).is_none());
        drop(old.pop());
        for _ in 0..2 {
            take(&limit).unwrap().ended(&parts(), &answer(200));
        }
        // Three may be.
        assert_eq!(take_all(&limit).len(), 2);
    }

    #[test]
    fn the_limit_is_whole_again_after_good_answers() {
        let limit = ConcurrencyLimit::new(64);
        for permit in (0..8).map(|_| take(&limit).unwrap()).collect::<Vec<_>>() {
            permit.ended(&parts(), &answer(503));
        }
        let mut answers = 0;
        while take_all(&limit).len() < 64 {
            take(&limit).unwrap().ended(&parts(), &answer(200));
            answers += 1;
        }
        // 4, 5, 6, 7 and 8 at a time.
        assert_eq!(answers, 4 + 5 + 6 + 7 + 8);
    }
}
