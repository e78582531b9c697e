//! One connection as the server sees it from outside: what it is at, how long it has been idle, and whether it shall end.

use super::patience::{Meter, Patience};
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// What a connection tells about itself. Requests pay for it with a few additions: no clock, no timer, no lock.
#[derive(Debug, Default)]
pub(super) struct Watch {
    begun: AtomicU64,
    under_way: AtomicUsize,
    /// What is written to the socket.
    pub(super) socket: Meter,
    /// Bodies whose pace shows here only: those of requests, and answers over HTTP/2, which the client may hold back by
    /// its window while the socket is fine.
    bodies: Mutex<HashMap<usize, (Arc<Meter>, Patience)>>,
    closing: AtomicBool,
    waker: AtomicWaker,
}

impl Watch {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Watches the pace of a body.
    pub(super) fn body(self: &Arc<Self>) -> BodyMeter {
        let meter = Arc::new(Meter::default());
        let watched = (Arc::clone(&meter), Patience::default());
        self.bodies().insert(Arc::as_ptr(&meter).addr(), watched);
        BodyMeter { meter, watch: Arc::clone(self) }
    }

    fn bodies(&self) -> MutexGuard<'_, HashMap<usize, (Arc<Meter>, Patience)>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the connection to end once it has answered what it has been asked.
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
pub(super) struct UnderWay(Arc<Watch>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The meter of one body, which is forgotten with it.
#[derive(Debug)]
pub(super) struct BodyMeter {
    meter: Arc<Meter>,
    watch: Arc<Watch>,
}

impl Deref for BodyMeter {
    type Target = Meter;

    fn deref(&self) -> &Meter {
        &self.meter
    }
}

impl Drop for BodyMeter {
    fn drop(&mut self) {
        self.watch.bodies().remove(&Arc::as_ptr(&self.meter).addr());
    }
}

/// How long a connection may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Without a request: until the first one's head is there, and from one to the next.
    pub(super) idle: Duration,
    /// Over each piece of a body.
    pub(super) piece: Duration,
}

/// What is to be done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// It has been idle for too long: it shall end, after an answer that may just begin.
    Close,
    /// It ends now, for this reason.
    End(&'static str),
}

/// What was seen of a connection until now.
#[derive(Debug, Default)]
pub(super) struct Seen {
    begun: u64,
    idle: Duration,
    socket: Patience,
}

impl Seen {
    /// Looks at the connection once more, `passed` after the last look.
    pub(super) fn look(&mut self, watch: &Watch, passed: Duration, allowed: Allowed) -> Verdict {
        let stalls = |(meter, patience): &mut (Arc<Meter>, Patience)| patience.is_over(meter, passed, allowed.piece);
        if self.socket.is_over(&watch.socket, passed, allowed.piece) {
            return Verdict::End("the client does not read its answers");
        }
        if watch.bodies().values_mut().any(stalls) {
            return Verdict::End("the client neither takes its answer nor sends its request");
        }
        let begun = watch.begun.load(Ordering::Relaxed);
        // What waits in the socket is an answer still.
        let busy = watch.under_way.load(Ordering::Relaxed) > 0 || watch.socket.is_waiting();
        if busy || begun != self.begun {
            (self.begun, self.idle) = (begun, Duration::ZERO);
            return Verdict::Fine;
        }
        self.idle += passed;
        match self.idle {
            idle if idle <= allowed.idle => Verdict::Fine,
            idle if idle <= allowed.idle + passed => Verdict::Close,
            _ => Verdict::End("the client sends no request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ALLOWED: Allowed = Allowed { idle: Duration::from_secs(2), piece: Duration::from_secs(3) };

    fn look(seen: &mut Seen, watch: &Watch) -> Verdict {
        seen.look(watch, SECOND, ALLOWED)
    }

    #[test]
    fn an_idle_connection_is_asked_to_end_and_then_ended() {
        let (watch, mut seen) = (Watch::default(), Seen::default());
        assert_eq!([(); 4].map(|()| look(&mut seen, &watch)), {
            let end = Verdict::End("the client sends no request");
            [Verdict::Fine, Verdict::Fine, Verdict::Close, end]
        });
    }

    #[test]
    fn a_request_that_takes_its_time_is_no_idleness_and_the_next_one_begins_anew() {
        let (watch, mut seen) = (Arc::new(Watch::default()), Seen::default());
        let request = watch.begin();
        assert!((0..100).all(|_| look(&mut seen, &watch) == Verdict::Fine));
        drop(request);
        assert_eq!([(); 3].map(|()| look(&mut seen, &watch)), [Verdict::Fine, Verdict::Fine, Verdict::Close]);
    }

    #[test]
    fn requests_between_two_looks_count() {
        let (watch, mut seen) = (Arc::new(Watch::default()), Seen::default());
        assert!((0..100).all(|_| {
            drop(watch.begin());
            look(&mut seen, &watch) == Verdict::Fine
        }));
    }

    #[test]
    fn one_body_that_stalls_ends_the_connection_whatever_else_moves() {
        let (watch, mut seen) = (Arc::new(Watch::default()), Seen::default());
        let (_request, stalled, moving) = (watch.begin(), watch.body(), watch.body());
        stalled.waits(true);
        let verdicts = [(); 4].map(|()| {
            moving.moves(1 << 20);
            look(&mut seen, &watch)
        });
        assert_eq!(verdicts[..3], [Verdict::Fine; 3]);
        assert!(matches!(verdicts[3], Verdict::End(_)), "{verdicts:?}");
        drop((stalled, moving));
        assert!(watch.bodies().is_empty());
    }

    #[test]
    fn a_closing_connection_is_woken() {
        let watch = Watch::default();
        assert!(!watch.is_closing(Waker::noop()));
        watch.close();
        assert!(watch.is_closing(Waker::noop()));
    }
}
