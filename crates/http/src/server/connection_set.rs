//! All open connections, and the time limits that end them.

use super::connection_state::{Action, ConnectionObserver, ConnectionState, StallLimits};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the server checks connections, and so the most that a time limit overruns.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// All open connections.
pub(super) struct ConnectionSet {
    tasks: JoinSet<()>,
    open: HashMap<Id, Open>,
    checks: Interval,
}

struct Open {
    state: Arc<ConnectionState>,
    observer: ConnectionObserver,
    allowed: StallLimits,
    task: AbortHandle,
}

impl ConnectionSet {
    pub(super) fn new() -> Self {
        let mut checks = interval(CHECK_INTERVAL);
        // After a suspend of the machine, one check counts as one interval, so no client loses its time.
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tasks: JoinSet::new(), open: HashMap::new(), checks }
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
        self.open.insert(task.id(), Open { state, observer: ConnectionObserver::default(), allowed, task });
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
            }
        }
    }

    fn check(&mut self) {
        for Open { state, observer, allowed, task } in self.open.values_mut() {
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
