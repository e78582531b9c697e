//! The life of an instance: how many requests it answers, at a time and in all, and when it ends.

use super::grants::Grants;
use super::state::State;
use super::stderr::Notes;
use crate::telemetry::metrics;
use crate::telemetry::work::Work;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
/// How long an answer may take once it has begun.
const MAX_DURATION: Duration = Duration::from_secs(600);
const MAX_IDLE: Duration = Duration::from_secs(60);

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
        let current = Current::default();
        let state = State::new(Arc::clone(&self.grants), Arc::clone(&self.notes), current.clone());
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
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
                current: current.clone(),
            },
            state: Worker { given_up: self.given_up, ending: Arc::clone(&self.ending), current },
        })
    }
}

/// What an instance is doing. It works on one request at a time, until all that the request set off has ended: what it asks
/// for is then asked for that request, and what goes wrong costs no other.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Arc<Work>>>>);

impl Current {
    /// The work for the request, unless there is none.
    pub(super) fn get(&self) -> Option<Arc<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, work: Option<Arc<Work>>) -> Option<Arc<Work>> {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), work)
    }
}

/// Ends an instance that has been idle or busy for too long. Its clock runs outside the instance, so it stops one that
/// never lets go of the processor too.
pub(super) struct Expiration {
    sleep: Pin<Box<tokio::time::Sleep>>,
    given_up: Duration,
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
            WorkerStatus::PostReturn => MAX_DURATION,
        };
        let deadline = (start + limit).into();
        if deadline != self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Reports how an instance ended.
pub(super) struct Worker {
    given_up: Duration,
    /// Whether the program is ending, when instances are dropped as they are.
    ending: Arc<AtomicBool>,
    current: Current,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Work;

    fn should_accept_request(&self, _: usize, total: usize) -> ShouldAccept {
        if total >= MAX_REUSE {
            ShouldAccept::Never
        } else if self.current.get().is_some() {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        work: Work,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        self.current.replace(Some(Arc::new(work)));
        Box::pin(tokio::time::sleep(self.given_up))
    }

    fn drop(&self, _: Store<State>, result: Result<(), wasmtime::Error>) {
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
        Err(_) => "trap",
    }
}
