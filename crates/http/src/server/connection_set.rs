//! All connections that are open, and who of them is given up.

use super::connection_state::{Action, ConnectionObserver, ConnectionState, StallLimits};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often they are looked at; a client gets so much more time than it is allowed at most.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The connections that are open.
pub(super) struct ConnectionSet {
    tasks: JoinSet<()>,
    open: HashMap<Id, Open>,
    looks: Interval,
}

struct Open {
    state: Arc<ConnectionState>,
    observer: ConnectionObserver,
    allowed: StallLimits,
    task: AbortHandle,
}

impl ConnectionSet {
    pub(super) fn new() -> Self {
        let mut looks = interval(CHECK_INTERVAL);
        // After a machine's sleep, clients get their time as before.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tasks: JoinSet::new(), open: HashMap::new(), looks }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Takes on a connection.
    pub(super) fn add<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        allowed: StallLimits,
        serve: impl FnOnce(Arc<ConnectionState>) -> F,
    ) {
        if self.open.is_empty() {
            self.looks.reset();
        }
        let state = Arc::<ConnectionState>::default();
        let task = self.tasks.spawn(serve(Arc::clone(&state)));
        self.open.insert(task.id(), Open { state, observer: ConnectionObserver::default(), allowed, task });
    }

    /// Looks after those that are open, until one has ended. For ever when there is none.
    pub(super) async fn one_ends(&mut self) {
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
                _ = self.looks.tick() => self.look(),
            }
        }
    }

    fn look(&mut self) {
        for Open { state, observer, allowed, task } in self.open.values_mut() {
            match observer.look(state, CHECK_INTERVAL, *allowed) {
                Action::Fine => {}
                Action::Close => state.close(),
                Action::End(reason) => {
                    tracing::debug!("a connection is ended: {reason}");
                    task.abort();
                }
            }
        }
    }

    /// Tells all to end: idle ones at once, others when they have answered what they were asked.
    pub(super) fn close(&self) {
        for open in self.open.values() {
            open.state.close();
        }
    }

    /// Ends all as they are.
    pub(super) async fn cut_off(&mut self) {
        self.tasks.shutdown().await;
        self.open.clear();
    }
}
