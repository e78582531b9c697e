//! The life of an instance: how many requests it answers, at a time and in all, and when it ends.

use super::admission::Permit;
use super::capabilities::Capabilities;
use super::current_request::{CurrentRequest, Task};
use super::expected_growth::ExpectedGrowth;
use super::loaded::LoadedComposition;
use super::memory_limiter::{InstanceMemory, MemoryLimitExceeded};
use super::request_scope::RequestScope;
use super::stderr::StderrHandler;
use super::store_data::StoreData;

use image_service_config::duration;
use image_service_memory::{BUDGET, Exhausted};
use image_service_telemetry::metrics;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::watch;
use tokio::time::timeout;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

/// Most requests that one instance answers in its life.
const MAX_REUSE: usize = 1024;
/// Longest time that an instance waits for its next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The same of an instance that counts for more memory than [`FAT_BYTES`]: then it has some 12 MiB. It may keep what the next request would have to make anew.
const FAT_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const FAT_BYTES: u64 = 8 * 1024 * 1024;
/// Most bytes that a component passes to the host in one call: twice the largest commit to the store. The host copies them.
const MAX_CALL_BYTES: usize = 16 * 1024 * 1024;

/// Whether the instance that answers a request still works, for the body of its answer. Without it, an answer whose instance
/// trapped would look complete.
#[derive(Clone, Default)]
pub(super) struct InstanceStatus(Arc<OnceLock<Assignment>>);

/// The instance that was assigned to a request.
struct Assignment {
    failed: Arc<AtomicBool>,
    memory: Arc<InstanceMemory>,
    current: Weak<Mutex<Option<Task>>>,
}

impl InstanceStatus {
    /// Whether the instance failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.get().is_some_and(|assignment| assignment.failed.load(Ordering::Acquire))
    }

    /// Whether the instance failed because the program had no memory for it.
    pub(super) fn was_refused_memory(&self) -> bool {
        self.0.get().is_some_and(|assignment| assignment.memory.was_refused())
    }

    /// Lets another request compute, because the instance begins to wait for the client.
    pub(super) fn release_cpu(&self) {
        if let Some(current) = self.0.get().and_then(|assignment| assignment.current.upgrade()) {
            CurrentRequest(current).release_cpu();
        }
    }
}

/// Makes instances and sets how long each one lives.
pub(super) struct Instances {
    pub(super) composition: Arc<LoadedComposition>,
    pub(super) capabilities: Arc<Capabilities>,
    /// Life of an instance that begins no answer.
    pub(super) begin_timeout: Duration,
    /// Receives the stderr of instances.
    pub(super) on_stderr: StderrHandler,
    pub(super) expected: Arc<ExpectedGrowth>,
    /// Closed when nobody can send further requests: a reload took its place and the last answer has ended, or the program ends.
    pub(super) end: watch::Receiver<()>,
}

impl HandlerState for Instances {
    type StoreData = StoreData;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<StoreData, Expiration, Worker>> {
        let limits = self.capabilities.limits();
        let current = CurrentRequest::default();
        let state = StoreData::new(
            Arc::clone(&self.capabilities),
            Arc::clone(&self.on_stderr),
            current.clone(),
            Arc::clone(&self.expected),
        );
        let memory = state.limiter.shared();
        let mut store = Store::new(self.composition.engine(), state);
        store.limiter_async(|state| &mut state.limiter);
        store.set_hostcall_fuel(MAX_CALL_BYTES);
        store.set_max_component_handles(limits.max_handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        // A component may compute for ever before it is ready. Epochs have it yield from its first instruction, so that this ends it.
        let started = timeout(self.begin_timeout, self.composition.service.instantiate_async(&mut store)).await;
        let service = started.unwrap_or_else(|_| {
            tracing::error!("an instance was ended, as it did not start within app_config.response_timeout");
            Err(wasmtime::format_err!("it did not start within app_config.response_timeout"))
        })?;
        metrics::instance_made();
        let mut end = self.end.clone();
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: WasiHttpView::http,
            expiration: Expiration {
                sleep: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
                end: Box::pin(async move {
                    // Nothing is ever sent.
                    let _ = end.changed().await;
                }),
                begin_timeout: self.begin_timeout,
                answer_timeout: limits.answer_timeout,
                current: current.clone(),
                memory: Arc::clone(&memory),
                shortage: Box::pin(BUDGET.shortage()),
            },
            state: Worker { failed: Arc::default(), memory, end: self.end.clone(), current },
        })
    }
}

/// Ends an instance that was idle or busy for too long, and an idle one that gets no more requests or has memory that others need. Its
/// timer runs outside the instance, so it also ends an instance that never yields.
pub(super) struct Expiration {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// Ready when there are no more requests.
    end: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    begin_timeout: Duration,
    answer_timeout: Duration,
    current: CurrentRequest,
    memory: Arc<InstanceMemory>,
    /// Ends when memory is short.
    shortage: Pin<Box<OwnedNotified>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        if status == WorkerStatus::Idle && self.current.replace(None).is_some() {
            // When the worker is polled again, it asks for the next request.
            cx.waker().wake_by_ref();
        }
        if status == WorkerStatus::Idle
            && (self.shortage.as_mut().poll(cx).is_ready() || self.end.as_mut().poll(cx).is_ready())
        {
            return Poll::Ready(());
        }
        let limit = match status {
            WorkerStatus::Idle if self.memory.bytes() > FAT_BYTES => FAT_IDLE_TIMEOUT,
            WorkerStatus::Idle => IDLE_TIMEOUT,
            // The instance has not begun its answer.
            WorkerStatus::Requests => self.begin_timeout,
            // The instance is streaming its answer.
            WorkerStatus::PostReturn => self.answer_timeout,
        };
        let deadline = duration::after(start, limit).into();
        // Each request moves the deadline, nearly always later. A timer that fires too early is then set again.
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

/// What belongs to one request: its scope, who learns of its instance, and its permit.
pub(super) type RequestData = (RequestScope, InstanceStatus, Permit);

/// Admits requests to an instance, and reports how the instance ended.
pub(super) struct Worker {
    failed: Arc<AtomicBool>,
    memory: Arc<InstanceMemory>,
    /// Closed when there are no more requests: the program may be ending, and drops instances while they work.
    end: watch::Receiver<()>,
    current: CurrentRequest,
}

impl WorkerState for Worker {
    type StoreData = StoreData;
    type RequestData = RequestData;

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
        mut store: StoreContextMut<'_, StoreData>,
        (scope, status, permit): Self::RequestData,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        store.data_mut().limiter.begin_request();
        self.current.replace(Some(Task { scope: Arc::new(scope), permit }));
        let current = Arc::downgrade(&self.current.0);
        // Each request has a status of its own.
        let _ =
            status.0.set(Assignment { failed: Arc::clone(&self.failed), memory: Arc::clone(&self.memory), current });
        // `Expiration` ends an instance that begins no answer, so this needs no timer of its own.
        Box::pin(std::future::pending())
    }

    fn drop(&self, _: Store<StoreData>, result: Result<(), wasmtime::Error>) {
        if result.is_err() {
            // Set before the store is dropped, which ends an answer that has begun.
            self.failed.store(true, Ordering::Release);
        }
        // `ProxyHandler` reports a panic whenever a worker is dropped while it works, which happens at the end of the
        // program.
        let dropped = |error: &wasmtime::Error| error.to_string() == "worker panicked" && !std::thread::panicking();
        let result = result.or_else(|error| if dropped(&error) { Ok(()) } else { Err(error) });
        metrics::instance_ended(reason(&result));
        if let Err(error) = result
            && self.end.has_changed().is_ok()
        {
            tracing::error!("an instance ended: {error:#}");
        }
    }
}

/// Why an instance ended; the label `reason` of `instances_ended_total`.
fn reason(result: &Result<(), wasmtime::Error>) -> &'static str {
    match result {
        Ok(()) => "idle",
        // `ProxyHandler` has no error type for this. It uses this message when `Expiration` ends an instance.
        Err(error) if error.to_string() == "guest timed out" => "timeout",
        Err(error) if error.is::<MemoryLimitExceeded>() || error.is::<Exhausted>() => "memory",
        Err(_) => "trap",
    }
}
