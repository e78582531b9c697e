//! The state of one connection: requests under way, idle time, and whether the server wants it to close.

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
    /// Counts a request as active, until the result is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> ActiveRequest {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        ActiveRequest(Arc::clone(self))
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
pub(super) struct ActiveRequest(Arc<ConnectionState>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
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
        // Bytes that wait in the socket are part of an answer.
        let busy = state.active.load(Ordering::Relaxed) > 0 || state.socket.is_waiting();
        if busy || begun != self.begun {
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
        let request = state.begin_request();
        assert!((0..100).all(|_| check(&mut observer, &state) == Action::Keep));
        drop(request);
        assert_eq!([(); 3].map(|()| check(&mut observer, &state)), [Action::Keep, Action::Keep, Action::Close]);
    }

    #[test]
    fn a_request_between_two_checks_resets_the_idle_time() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        assert!((0..100).all(|_| {
            drop(state.begin_request());
            check(&mut observer, &state) == Action::Keep
        }));
    }

    #[test]
    fn one_stalled_body_ends_the_connection_although_another_moves() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        let (_request, stalled, moving) = (state.begin_request(), state.track_body(), state.track_body());
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
        let under_way = state.begin_request();
        drop([state.begin_request(), state.begin_request()]);
        assert_eq!(state.unread(), 3);
        state.flushed();
        assert_eq!(state.unread(), 1);
        drop(under_way);
        assert_eq!(state.unread(), 0);
    }

    #[test]
    fn a_closed_connection_reports_that_it_is_closing() {
        let state = ConnectionState::default();
        assert!(!state.is_closing(Waker::noop()));
        state.close();
        assert!(state.is_closing(Waker::noop()));
    }
}
