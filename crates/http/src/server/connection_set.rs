//! All open connections, the time limits that end them, and the room that idle ones make for new ones.

use super::connection_state::{Action, ConnectionObserver, ConnectionState, StallLimits};
use super::load::{Load, RESERVE};
use super::room::{Candidate, choose};
use super::shedding;
use crate::client::Client;
use image_service_memory::BUDGET;
use image_service_telemetry::metrics;
use image_service_telemetry::seldom::Seldom;
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

/// Idle time before which a connection gives way only where there is no room in the reserve either: the head of its first request
/// may be on its way, and the next request of a client that asks again and again.
const SETTLED: Duration = Duration::from_millis(500);
/// Longest time for a connection that gives way to end by itself, besides two checks.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(250);

/// All open connections.
pub(super) struct ConnectionSet {
    tasks: JoinSet<()>,
    open: HashMap<Id, Open>,
    checks: Interval,
    load: Arc<Load>,
    /// `limits_config.max_connections`.
    most: usize,
    accepted: u64,
    warnings: Seldom,
    /// Ends when memory is short.
    shortage: Pin<Box<OwnedNotified>>,
    shed: Option<Instant>,
}

struct Open {
    state: Arc<ConnectionState>,
    observer: ConnectionObserver,
    allowed: StallLimits,
    task: AbortHandle,
    client: Client,
    /// The place in the order of all connections.
    number: u64,
    /// Whether it gives way to another.
    is_leaving: bool,
}

impl ConnectionSet {
    pub(super) fn new() -> Self {
        let mut checks = interval(CHECK_INTERVAL);
        // After a suspend of the machine, one check counts as one interval, so no client loses its time.
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            tasks: JoinSet::new(),
            open: HashMap::new(),
            checks,
            load: Arc::default(),
            most: usize::MAX,
            accepted: 0,
            warnings: Seldom::default(),
            shortage: Box::pin(BUDGET.shortage()),
            shed: None,
        }
    }

    /// Sets how many connections may be open.
    pub(super) fn allow(&mut self, most: usize) {
        self.most = most;
        self.load.allow(most);
    }

    /// Whether one more may be open, be it for a probe only.
    pub(super) fn has_room(&self) -> bool {
        self.len() < self.most.saturating_add(RESERVE)
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Adds a connection of this client. Beyond the limit, an idle one gives way to it.
    pub(super) fn add<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        client: Client,
        allowed: StallLimits,
        serve: impl FnOnce(Arc<ConnectionState>) -> F,
    ) {
        if self.open.is_empty() {
            self.checks.reset();
        }
        self.make_room(self.most.saturating_sub(1));
        let state = Arc::new(ConnectionState::new(Arc::clone(&self.load)));
        let task = self.tasks.spawn(serve(Arc::clone(&state)));
        self.accepted = self.accepted.saturating_add(1);
        self.open.insert(
            task.id(),
            Open {
                state,
                observer: ConnectionObserver::default(),
                allowed,
                task,
                client,
                number: self.accepted,
                is_leaving: false,
            },
        );
    }

    /// Asks idle connections to close until no more than so many stay, as far as there are idle ones.
    fn make_room(&mut self, most: usize) {
        if self.len() <= most {
            return;
        }
        // The next one that is accepted may be a probe.
        let is_full = self.len().saturating_add(1) >= self.most.saturating_add(RESERVE);
        let staying: Vec<_> = self.open.iter().filter_map(|(id, open)| open.candidate(*id, is_full)).collect();
        let leaving = choose(&staying, staying.len().saturating_sub(most).min(RESERVE));
        if leaving.is_empty() {
            return;
        }
        metrics::connections_gave_way(leaving.len());
        for id in leaving {
            if let Some(open) = self.open.get_mut(&id) {
                open.leave();
            }
        }
        if self.warnings.may_say("connections give way").is_some() {
            tracing::warn!(
                "clients have limits_config.max_connections ({}) connections open, so idle ones give way to new ones",
                self.most
            );
        }
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
        self.make_room(self.most);
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

impl Open {
    /// How the choice of those that give way sees it; `None` for one that gives way already and has no request under way.
    fn candidate(&self, key: Id, is_full: bool) -> Option<Candidate<Id>> {
        let idle = self.observer.idle(&self.state);
        if self.is_leaving && idle.is_some() {
            return None;
        }
        let idle = idle.filter(|idle| is_full || *idle >= SETTLED);
        Some(Candidate { key, client: self.client, idle, number: self.number })
    }

    /// Has it close after the requests that have arrived, and soon if there is none.
    fn leave(&mut self) {
        self.is_leaving = true;
        self.allowed.idle = LEAVE_TIMEOUT;
        self.observer.restart();
        self.state.close();
    }
}
