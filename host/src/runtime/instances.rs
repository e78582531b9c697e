//! The life of an instance: how many requests it answers, at a time and in all, and when it ends.

use super::grants::Grants;
use super::state::State;
use super::stderr::Notes;
use super::turns::Turn;
use crate::telemetry::metrics;
use crate::telemetry::work::Work;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

const MAX_REUSE: usize = 1024;
const MAX_IDLE: Duration = Duration::from_secs(60);
/// Bytes that a component may hand to the host in one call, which the host copies; besides what is to be kept.
const MAX_CALL: usize = 8 * 1024 * 1024;

/// What has become of the instance that answers a request, for whoever holds its answer: by itself, an answer whose
/// instance trapped looks as if it were whole.
#[derive(Clone, Default)]
pub(super) struct Fate(Arc<OnceLock<Given>>);

/// The instance that a request was given to.
struct Given {
    ended_badly: Arc<AtomicBool>,
    current: Weak<Mutex<Option<Task>>>,
}

impl Fate {
    /// Whether it ended before its time.
    pub(super) fn is_bad(&self) -> bool {
        self.0.get().is_some_and(|given| given.ended_badly.load(Ordering::Acquire))
    }

    /// From now on the instance waits for whoever takes the answer.
    pub(super) fn waits(&self) {
        if let Some(current) = self.0.get().and_then(|given| given.current.upgrade()) {
            Current(current).waits();
        }
    }
}

/// Makes instances and says how long each of them is used.
pub(super) struct Instances {
    pub(super) engine: Engine,
    pub(super) prepared: ServicePre<State>,
    pub(super) grants: Arc<Grants>,
    /// After how long an instance ends that has not begun an answer.
    pub(super) given_up: Duration,
    /// Who is told what instances say on stderr.
    pub(super) notes: Notes,
    /// Whether the program is ending, when instances are dropped as they are.
    pub(super) ending: Arc<AtomicBool>,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let limits = self.grants.limits();
        let current = Current::default();
        let state = State::new(Arc::clone(&self.grants), Arc::clone(&self.notes), current.clone());
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(self.grants.max_kept().saturating_add(MAX_CALL));
        store.set_max_component_handles(limits.max_handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let service = self.prepared.instantiate_async(&mut store).await?;
        metrics::instance_made();
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: WasiHttpView::http,
            expiration: Expiration {
                sleep: Box::pin(tokio::time::sleep(MAX_IDLE)),
                given_up: self.given_up,
                answer_timeout: limits.answer_timeout,
                current: current.clone(),
            },
            state: Worker { ended_badly: Arc::default(), ending: Arc::clone(&self.ending), current },
        })
    }
}

/// What an instance is doing. It works on one request at a time, until all that the request set off has ended: what it asks
/// for is then asked for that request, and what goes wrong costs no other.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Task>>>);

/// The work for one request, and its turn: it is over when the instance is idle again, and not when its client leaves.
struct Task {
    work: Arc<Work>,
    turn: Turn,
}

impl Current {
    /// The work for the request, which from now on waits for what it asks for.
    pub(super) fn asks(&self) -> Option<Arc<Work>> {
        self.waits();
        self.task().as_ref().map(|task| Arc::clone(&task.work))
    }

    fn waits(&self) {
        if let Some(task) = &mut *self.task() {
            task.turn.waits();
        }
    }

    fn task(&self) -> MutexGuard<'_, Option<Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is work.
    fn is_some(&self) -> bool {
        self.task().is_some()
    }

    fn replace(&self, task: Option<Task>) -> Option<Task> {
        std::mem::replace(&mut *self.task(), task)
    }
}

/// Ends an instance that has been idle or busy for too long. Its clock runs outside the instance, so it stops one that
/// never lets go of the processor too.
pub(super) struct Expiration {
    sleep: Pin<Box<tokio::time::Sleep>>,
    given_up: Duration,
    answer_timeout: Duration,
    current: Current,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        if status == WorkerStatus::Idle && self.current.replace(None).is_some() {
            // Polled again, it asks for the next request.
            cx.waker().wake_by_ref();
        }
        let limit = match status {
            WorkerStatus::Idle => MAX_IDLE,
            // An answer has yet to begin.
            WorkerStatus::Requests => self.given_up,
            // Answers have begun and are being streamed.
            WorkerStatus::PostReturn => self.answer_timeout,
        };
        let deadline = (start + limit).into();
        // Deadlines move with each request, almost always further away: a clock that rings too early is set again then.
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if deadline <= self.sleep.deadline() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// Reports how an instance ended.
pub(super) struct Worker {
    ended_badly: Arc<AtomicBool>,
    /// Whether the program is ending, when instances are dropped as they are.
    ending: Arc<AtomicBool>,
    current: Current,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = (Work, Fate, Turn);

    fn should_accept_request(&self, _: usize, total: usize) -> ShouldAccept {
        if total >= MAX_REUSE {
            ShouldAccept::Never
        } else if self.current.is_some() {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (work, fate, turn): Self::RequestData,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        self.current.replace(Some(Task { work: Arc::new(work), turn }));
        let current = Arc::downgrade(&self.current.0);
        // It was nobody's before.
        let _ = fate.0.set(Given { ended_badly: Arc::clone(&self.ended_badly), current });
        // `Expiration` ends the instance if no answer begins, and needs no second clock.
        Box::pin(std::future::pending())
    }

    fn drop(&self, _: Store<State>, result: Result<(), wasmtime::Error>) {
        if result.is_err() {
            // Before the store is dropped, which ends the answer that it had begun.
            self.ended_badly.store(true, Ordering::Release);
        }
        // `ProxyHandler` says that it panicked whenever it is dropped at work, as it is at the end of the program.
        let dropped = |error: &wasmtime::Error| error.to_string() == "worker panicked" && !std::thread::panicking();
        let result = result.or_else(|error| if dropped(&error) { Ok(()) } else { Err(error) });
        metrics::instance_ended(reason(&result));
        if let Err(error) = result
            && !self.ending.load(Ordering::Relaxed)
        {
            tracing::error!("an instance ended: {error:#}");
        }
    }
}

/// Why an instance ended, in a word.
fn reason(result: &Result<(), wasmtime::Error>) -> &'static str {
    match result {
        Ok(()) => "idle",
        // `ProxyHandler`'s own words, once `Expiration` has said that it is time.
        Err(error) if error.to_string() == "guest timed out" => "timeout",
        // As `Limiter` says it.
        Err(error) if format!("{error:#}").contains("limits_config.max_memory") => "memory",
        Err(_) => "trap",
    }
}
