//! The state of one connection: requests under way, idle time, and whether the server wants it to close.

use super::load::Load;
use super::shedding;
use super::stall_timeout::{Progress, StallTimer};
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// The counters of a connection. They cost each request a few additions: no clock, no timer, no lock.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    begun: AtomicU64,
    active: AtomicUsize,
    /// The value of `begun` when the socket last took all that there was.
    begun_at_flush: AtomicU64,
    load: Arc<Load>,
    /// The active ones that count in `load`: all but probes.
    counted: AtomicUsize,
    /// Whether these are more than may be.
    beyond_limit: AtomicBool,
    /// Bytes written to the socket.
    pub(super) socket: Progress,
    /// Bodies that may stall although the socket moves: of requests, and of HTTP/2 answers, which the client holds back
    /// by its window.
    bodies: Mutex<HashMap<usize, (Arc<Progress>, StallTimer)>>,
    closing: AtomicBool,
    waker: AtomicWaker,
    /// Wakes whoever wants to read and has to wait.
    reader: AtomicWaker,
}

impl ConnectionState {
    /// A new connection, whose requests count in `load`.
    pub(super) fn new(load: Arc<Load>) -> Self {
        Self { load, ..Self::default() }
    }

    /// Counts a request as active, until the result is dropped. Probes take nobody's place.
    pub(super) fn begin_request(self: &Arc<Self>, is_probe: bool) -> ActiveRequest {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        if !is_probe && self.counted.fetch_add(1, Ordering::Relaxed) == 0 {
            self.beyond_limit.store(self.load.enter(), Ordering::Relaxed);
        }
        ActiveRequest { state: Arc::clone(self), is_counted: !is_probe }
    }

    /// Whether the requests under way that are no probes are too many, as `limits_config.max_connections` others have some.
    pub(super) fn is_beyond_limit(&self) -> bool {
        self.beyond_limit.load(Ordering::Relaxed)
    }

    fn is_busy(&self) -> bool {
        // Bytes that wait in the socket are part of an answer.
        self.active.load(Ordering::Relaxed) > 0 || self.socket.is_waiting()
    }

    /// Notes that the socket has taken all that there was.
    pub(super) fn flushed(&self) {
        self.begun_at_flush.store(self.begun.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The requests whose answers the client has not taken, about: those under way, or all since the socket last took what there
    /// was. An answer without a body is not under way any more, but HTTP/2 keeps it until the socket takes it.
    pub(super) fn unread(&self) -> u64 {
        let flushed = self.begun_at_flush.load(Ordering::Relaxed);
        let active = self.active.load(Ordering::Relaxed) as u64;
        self.begun.load(Ordering::Relaxed).saturating_sub(flushed).max(active)
    }

    /// Whether the server reads no more of the client, because memory is short and the client leaves answers unread. Then
    /// [`Self::read_on`] wakes `waker`.
    pub(super) fn holds_reading_back(&self, waker: &Waker) -> bool {
        if self.unread() < shedding::LEAST_UNREAD || shedding::bytes_to_free() == 0 {
            return false;
        }
        self.reader.register(waker);
        true
    }

    /// Reads on, after memory was short.
    pub(super) fn read_on(&self) {
        self.reader.wake();
    }

    /// Tracks the progress of a body, until the result is dropped.
    pub(super) fn track_body(self: &Arc<Self>) -> BodyProgress {
        let progress = Arc::new(Progress::default());
        let tracked = (Arc::clone(&progress), StallTimer::default());
        self.bodies().insert(Arc::as_ptr(&progress).addr(), tracked);
        BodyProgress { progress, state: Arc::clone(self) }
    }

    fn bodies(&self) -> MutexGuard<'_, HashMap<usize, (Arc<Progress>, StallTimer)>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the connection to close after the answers under way.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether the server wants the connection to close. [`Self::close`] wakes `waker`.
    pub(super) fn is_closing(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.closing.load(Ordering::Acquire)
    }
}

/// A request whose answer has not ended.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    state: Arc<ConnectionState>,
    is_counted: bool,
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.state.active.fetch_sub(1, Ordering::Relaxed);
        if self.is_counted && self.state.counted.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.state.load.leave();
        }
    }
}

/// The progress of one body. The connection stops tracking it when this is dropped.
#[derive(Debug)]
pub(super) struct BodyProgress {
    progress: Arc<Progress>,
    state: Arc<ConnectionState>,
}

impl Deref for BodyProgress {
    type Target = Progress;

    fn deref(&self) -> &Progress {
        &self.progress
    }
}

impl Drop for BodyProgress {
    fn drop(&mut self) {
        self.state.bodies().remove(&Arc::as_ptr(&self.progress).addr());
    }
}

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct StallLimits {
    /// Longest time without a request: until the head of the first one, and between two.
    pub(super) idle: Duration,
    /// Longest time for the least progress of a body.
    pub(super) piece: Duration,
}

/// What the server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Keeps it.
    Keep,
    /// Asks it to close, because it was idle for too long; an answer that just began may finish.
    Close,
    /// Ends it now, for this reason.
    End(&'static str),
}

/// The counters of a connection at the last check, and the time that it has been idle.
#[derive(Debug, Default)]
pub(super) struct ConnectionObserver {
    begun: u64,
    idle: Duration,
    socket: StallTimer,
}

impl ConnectionObserver {
    /// How long the connection has been idle; `None` while a request is under way.
    pub(super) fn idle(&self, state: &ConnectionState) -> Option<Duration> {
        let had_request = state.begun.load(Ordering::Relaxed) != self.begun;
        (!state.is_busy()).then_some(if had_request { Duration::ZERO } else { self.idle })
    }

    /// Counts the idle time anew.
    pub(super) fn restart(&mut self) {
        self.idle = Duration::ZERO;
    }

    /// Checks the connection, `passed` after the last check.
    pub(super) fn check(&mut self, state: &ConnectionState, passed: Duration, allowed: StallLimits) -> Action {
        let stalls =
            |(progress, timer): &mut (Arc<Progress>, StallTimer)| timer.is_over(progress, passed, allowed.piece);
        if self.socket.is_over(&state.socket, passed, allowed.piece) {
            return Action::End("the client does not read its answers");
        }
        if state.bodies().values_mut().any(stalls) {
            return Action::End("the client neither takes its answer nor sends its request");
        }
        let begun = state.begun.load(Ordering::Relaxed);
        if state.is_busy() || begun != self.begun {
            (self.begun, self.idle) = (begun, Duration::ZERO);
            return Action::Keep;
        }
        self.idle = self.idle.saturating_add(passed);
        match self.idle {
            idle if idle <= allowed.idle => Action::Keep,
            idle if idle <= allowed.idle.saturating_add(passed) => Action::Close,
            _ => Action::End("the client sends no request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ALLOWED: StallLimits = StallLimits { idle: Duration::from_secs(2), piece: Duration::from_secs(3) };

    fn check(observer: &mut ConnectionObserver, state: &ConnectionState) -> Action {
        observer.check(state, SECOND, ALLOWED)
    }

    #[test]
    fn an_idle_connection_is_asked_to_close_and_then_ended() {
        let (state, mut observer) = (ConnectionState::default(), ConnectionObserver::default());
        assert_eq!([(); 4].map(|()| check(&mut observer, &state)), {
            let end = Action::End("the client sends no request");
            [Action::Keep, Action::Keep, Action::Close, end]
        });
    }

    #[test]
    fn a_connection_with_a_slow_request_is_not_idle_and_idle_time_starts_at_its_end() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        let request = state.begin_request(false);
        assert!((0..100).all(|_| check(&mut observer, &state) == Action::Keep));
        drop(request);
        assert_eq!([(); 3].map(|()| check(&mut observer, &state)), [Action::Keep, Action::Keep, Action::Close]);
    }

    #[test]
    fn a_request_between_two_checks_resets_the_idle_time() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        assert!((0..100).all(|_| {
            drop(state.begin_request(false));
            check(&mut observer, &state) == Action::Keep
        }));
    }

    #[test]
    fn one_stalled_body_ends_the_connection_although_another_moves() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        let (_request, stalled, moving) = (state.begin_request(false), state.track_body(), state.track_body());
        stalled.set_waiting(true);
        let action = [(); 4].map(|()| {
            moving.record(1 << 20);
            check(&mut observer, &state)
        });
        assert_eq!(action[..3], [Action::Keep; 3]);
        assert!(matches!(action[3], Action::End(_)), "{action:?}");
        drop((stalled, moving));
        assert!(state.bodies().is_empty());
    }

    #[test]
    fn answers_are_unread_until_they_end_and_the_socket_takes_them() {
        let state = Arc::new(ConnectionState::default());
        let under_way = state.begin_request(false);
        drop([state.begin_request(false), state.begin_request(false)]);
        assert_eq!(state.unread(), 3);
        state.flushed();
        assert_eq!(state.unread(), 1);
        drop(under_way);
        assert_eq!(state.unread(), 0);
    }

    #[test]
    fn a_connection_is_idle_between_its_requests_and_says_for_how_long() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        check(&mut observer, &state);
        assert_eq!(observer.idle(&state), Some(SECOND));
        let request = state.begin_request(false);
        assert_eq!(observer.idle(&state), None);
        drop(request);
        assert_eq!(observer.idle(&state), Some(Duration::ZERO));
    }

    #[test]
    fn requests_of_more_connections_than_may_be_are_beyond_the_limit_until_another_connection_has_none() {
        let load = Arc::new(Load::default());
        load.allow(1);
        let [one, other] = [(); 2].map(|()| Arc::new(ConnectionState::new(Arc::clone(&load))));
        let (first, _) = (one.begin_request(false), one.begin_request(false));
        let second = other.begin_request(false);
        assert_eq!((one.is_beyond_limit(), other.is_beyond_limit()), (false, true));
        drop(first);
        let third = other.begin_request(false);
        assert!(other.is_beyond_limit(), "what began so goes on so");
        drop((second, third));
        let _probe = one.begin_request(true);
        let _fourth = other.begin_request(false);
        assert!(!other.is_beyond_limit(), "a probe takes nobody's place");
    }

    #[test]
    fn a_closed_connection_reports_that_it_is_closing() {
        let state = ConnectionState::default();
        assert!(!state.is_closing(Waker::noop()));
        state.close();
        assert!(state.is_closing(Waker::noop()));
    }
}
