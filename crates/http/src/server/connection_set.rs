//! All open connections, and the time limits that end them.

use super::connection_state::{Action, ConnectionObserver, ConnectionState, StallLimits};
use super::shedding;
use image_service_memory::BUDGET;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::futures::OwnedNotified;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the server checks connections, and so the most that a time limit overruns.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Least time between two times that the server ends connections because memory is short: until then, what ended last is freed.
const SHED_INTERVAL: Duration = Duration::from_millis(50);

/// All open connections.
pub(super) struct ConnectionSet {
    tasks: JoinSet<()>,
    open: HashMap<Id, Open>,
    checks: Interval,
    /// Ends when memory is short.
    shortage: Pin<Box<OwnedNotified>>,
    shed: Option<Instant>,
    accepted: u64,
}

struct Open {
    state: Arc<ConnectionState>,
    observer: ConnectionObserver,
    allowed: StallLimits,
    task: AbortHandle,
    /// The place in the order of all connections.
    number: u64,
}

impl ConnectionSet {
    pub(super) fn new() -> Self {
        let mut checks = interval(CHECK_INTERVAL);
        // After a suspend of the machine, one check counts as one interval, so no client loses its time.
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shortage = Box::pin(BUDGET.shortage());
        Self { tasks: JoinSet::new(), open: HashMap::new(), checks, shortage, shed: None, accepted: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Adds a connection.
    pub(super) fn add<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        allowed: StallLimits,
        serve: impl FnOnce(Arc<ConnectionState>) -> F,
    ) {
        if self.open.is_empty() {
            self.checks.reset();
        }
        let state = Arc::<ConnectionState>::default();
        let task = self.tasks.spawn(serve(Arc::clone(&state)));
        self.accepted = self.accepted.saturating_add(1);
        let (observer, number) = (ConnectionObserver::default(), self.accepted);
        self.open.insert(task.id(), Open { state, observer, allowed, task, number });
    }

    /// Checks the open connections until one of them ends. Waits for ever when there is none.
    pub(super) async fn next_end(&mut self) {
        loop {
            if self.open.is_empty() {
                return std::future::pending().await;
            }
            tokio::select! {
                ended = self.tasks.join_next_with_id() => {
                    let id = match ended {
                        Some(Ok((id, ()))) => id,
                        Some(Err(error)) => error.id(),
                        None => return,
                    };
                    self.open.remove(&id);
                    return;
                }
                _ = self.checks.tick() => self.check(),
                () = self.shortage.as_mut() => {
                    self.shortage.set(BUDGET.shortage());
                    self.shed();
                }
            }
        }
    }

    /// Ends the connections whose clients leave most answers unread, where memory is short.
    fn shed(&mut self) {
        let bytes = shedding::bytes_to_free();
        if bytes == 0 || self.shed.is_some_and(|shed| shed.elapsed() < SHED_INTERVAL) {
            return;
        }
        self.shed = Some(Instant::now());
        let mut open: Vec<_> = self.open.values().map(|open| (open.number, open.state.unread(), &open.task)).collect();
        open.sort_by_key(|(number, ..)| *number);
        let candidates = open.into_iter().map(|(_, unread, task)| (task, unread));
        let ending = shedding::fattest(candidates, bytes);
        if !ending.is_empty() {
            let exhausted = BUDGET.exhausted();
            tracing::warn!("{exhausted}: the server ends the {} connections with most unread answers", ending.len());
        }
        for task in ending {
            task.abort();
        }
    }

    fn check(&mut self) {
        self.shed();
        let is_short = shedding::bytes_to_free() > 0;
        for Open { state, observer, allowed, task, .. } in self.open.values_mut() {
            if !is_short {
                state.read_on();
            }
            match observer.check(state, CHECK_INTERVAL, *allowed) {
                Action::Keep => {}
                Action::Close => state.close(),
                Action::End(reason) => {
                    tracing::debug!("the server ends a connection: {reason}");
                    task.abort();
                }
            }
        }
    }

    /// Asks all connections to close: idle ones at once, others after the answers under way.
    pub(super) fn close(&self) {
        for open in self.open.values() {
            open.state.close();
        }
    }

    /// Ends all connections at once, whatever they are doing.
    pub(super) async fn abort_all(&mut self) {
        self.tasks.shutdown().await;
        self.open.clear();
    }
}
