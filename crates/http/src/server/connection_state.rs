//! The state of one connection as the server sees it: requests under way, idle time, and whether it should end.

use super::stall_timeout::{Progress, StallTimer};
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// What a connection reports about itself. It costs each request a few additions: no clock, no timer, no lock.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    begun: AtomicU64,
    under_way: AtomicUsize,
    /// Bytes written to the socket.
    pub(super) socket: Progress,
    /// Bodies that may stall while the socket is fine: those of requests, and those of answers over HTTP/2, which the client
    /// holds back by its window.
    bodies: Mutex<HashMap<usize, (Arc<Progress>, StallTimer)>>,
    closing: AtomicBool,
    waker: AtomicWaker,
}

impl ConnectionState {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> ActiveRequest {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        ActiveRequest(Arc::clone(self))
    }

    /// Watches the pace of a body.
    pub(super) fn body(self: &Arc<Self>) -> BodyProgress {
        let progress = Arc::new(Progress::default());
        let watched = (Arc::clone(&progress), StallTimer::default());
        self.bodies().insert(Arc::as_ptr(&progress).addr(), watched);
        BodyProgress { progress, state: Arc::clone(self) }
    }

    fn bodies(&self) -> MutexGuard<'_, HashMap<usize, (Arc<Progress>, StallTimer)>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the connection to end after its answers.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it was told to; `waker` is woken when it is.
    pub(super) fn is_closing(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.closing.load(Ordering::Acquire)
    }
}

/// A request that has not been answered to the end.
#[derive(Debug)]
pub(super) struct ActiveRequest(Arc<ConnectionState>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The progress of one body, which is forgotten with it.
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
    /// Without a request: until the head of the first one, and between two.
    pub(super) idle: Duration,
    /// Over the least progress of a body.
    pub(super) piece: Duration,
}

/// What the server does about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Fine,
    /// Asks it to end, because it has been idle for too long; an answer that just began may finish.
    Close,
    /// Ends it now, for this reason.
    End(&'static str),
}

/// What the server saw of a connection so far.
#[derive(Debug, Default)]
pub(super) struct ConnectionObserver {
    begun: u64,
    idle: Duration,
    socket: StallTimer,
}

impl ConnectionObserver {
    /// Looks at the connection once more, `passed` after the last look.
    pub(super) fn look(&mut self, state: &ConnectionState, passed: Duration, allowed: StallLimits) -> Action {
        let stalls =
            |(progress, timer): &mut (Arc<Progress>, StallTimer)| timer.is_over(progress, passed, allowed.piece);
        if self.socket.is_over(&state.socket, passed, allowed.piece) {
            return Action::End("the client does not read its answers");
        }
        if state.bodies().values_mut().any(stalls) {
            return Action::End("the client neither takes its answer nor sends its request");
        }
        let begun = state.begun.load(Ordering::Relaxed);
        // Bytes that wait in the socket belong to an answer.
        let busy = state.under_way.load(Ordering::Relaxed) > 0 || state.socket.is_waiting();
        if busy || begun != self.begun {
            (self.begun, self.idle) = (begun, Duration::ZERO);
            return Action::Fine;
        }
        self.idle += passed;
        match self.idle {
            idle if idle <= allowed.idle => Action::Fine,
            idle if idle <= allowed.idle + passed => Action::Close,
            _ => Action::End("the client sends no request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ALLOWED: StallLimits = StallLimits { idle: Duration::from_secs(2), piece: Duration::from_secs(3) };

    fn look(observer: &mut ConnectionObserver, state: &ConnectionState) -> Action {
        observer.look(state, SECOND, ALLOWED)
    }

    #[test]
    fn an_idle_connection_is_asked_to_end_and_then_ended() {
        let (state, mut observer) = (ConnectionState::default(), ConnectionObserver::default());
        assert_eq!([(); 4].map(|()| look(&mut observer, &state)), {
            let end = Action::End("the client sends no request");
            [Action::Fine, Action::Fine, Action::Close, end]
        });
    }

    #[test]
    fn a_request_that_takes_its_time_is_no_idleness_and_the_next_one_begins_anew() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        let request = state.begin();
        assert!((0..100).all(|_| look(&mut observer, &state) == Action::Fine));
        drop(request);
        assert_eq!([(); 3].map(|()| look(&mut observer, &state)), [Action::Fine, Action::Fine, Action::Close]);
    }

    #[test]
    fn requests_between_two_looks_count() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        assert!((0..100).all(|_| {
            drop(state.begin());
            look(&mut observer, &state) == Action::Fine
        }));
    }

    #[test]
    fn one_body_that_stalls_ends_the_connection_whatever_else_moves() {
        let (state, mut observer) = (Arc::new(ConnectionState::default()), ConnectionObserver::default());
        let (_request, stalled, moving) = (state.begin(), state.body(), state.body());
        stalled.waits(true);
        let action = [(); 4].map(|()| {
            moving.moves(1 << 20);
            look(&mut observer, &state)
        });
        assert_eq!(action[..3], [Action::Fine; 3]);
        assert!(matches!(action[3], Action::End(_)), "{action:?}");
        drop((stalled, moving));
        assert!(state.bodies().is_empty());
    }

    #[test]
    fn a_closing_connection_is_woken() {
        let state = ConnectionState::default();
        assert!(!state.is_closing(Waker::noop()));
        state.close();
        assert!(state.is_closing(Waker::noop()));
    }
}
