//! The life of an instance: how many requests it answers, at a time and in all, and when it ends.

use super::grants::Grants;
use super::state::State;
use super::stderr::Notes;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

const MAX_REQUESTS_PER_INSTANCE: usize = 16;
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
        let state = State::new(Arc::clone(&self.grants), Arc::clone(&self.notes));
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let service = self.prepared.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: WasiHttpView::http,
            expiration: Expiration { sleep: Box::pin(tokio::time::sleep(MAX_IDLE)), given_up: self.given_up },
            state: Worker { given_up: self.given_up, ending: Arc::clone(&self.ending) },
        })
    }
}

/// Ends an instance that has been idle or busy for too long. Its clock runs outside the instance, so it stops one that
/// never lets go of the processor too.
pub(super) struct Expiration {
    sleep: Pin<Box<tokio::time::Sleep>>,
    given_up: Duration,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
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
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= MAX_REUSE {
            ShouldAccept::Never
        } else if concurrent >= MAX_REQUESTS_PER_INSTANCE {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(tokio::time::sleep(self.given_up))
    }

    fn drop(&self, _: Store<State>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result
            && !self.ending.load(Ordering::Relaxed)
        {
            tracing::error!("an instance ended: {error:#}");
        }
    }
}
