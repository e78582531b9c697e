//! The budget: what is used, and who may use more.
//!
//! Nobody returns bytes to it, so none can be forgotten. The budget measures what the program has in use, and adds what it
//! allowed since the last measurement. Instances are counted besides, because their memory does not come from the program's allocator.
//!
//! The less a purpose is worth, the earlier it ends: first the program keeps nothing more, then it begins no more work, then it takes no more
//! requests, then the work that runs takes no more.

use crate::waiting::Waiting;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::sleep;

/// The budget of this program.
pub static BUDGET: Budget = Budget::new();

/// How long a measurement counts. To measure takes some microseconds.
const MEASUREMENT_LIFETIME: Duration = Duration::from_millis(2);
/// How often whoever waits looks again. Memory that is freed tells nobody.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Longest wait of the instance that has most of those that wait, and of the others.
const FATTEST_PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
/// What the program has beside its allocator and its instances: stacks, its own writable data.
const BASE_BYTES: u64 = 12 * 1024 * 1024;

/// The part that counts of the memory with which an instance starts. Of the built-in composition's 5 MiB an idle instance touches one.
const STARTED_SHARE: u64 = 4;

/// What memory is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To keep something that can be had again.
    Keep,
    /// To begin work in an instance.
    Begin,
    /// To take a request of a client.
    Accept,
    /// To go on with work that has begun.
    Continue,
}

impl Purpose {
    /// The sixteenths of the limit that may be in use after it. The last two are for what nobody counts.
    fn sixteenths(self) -> u64 {
        match self {
            Self::Keep => 10,
            Self::Begin => 12,
            Self::Accept => 13,
            Self::Continue => 14,
        }
    }
}

/// The program may use no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much of the program's {limit} bytes of memory (limits_config.max_total_memory) is in use for more work")]
pub struct Exhausted {
    limit: u64,
}

/// The memory that the program may use, and what it uses.
#[derive(Debug)]
pub struct Budget {
    limit: AtomicU64,
    /// What the allocator of the program has in use.
    meter: OnceLock<fn() -> u64>,
    measured: Mutex<Option<Measurement>>,
    /// Bytes that were allowed since the last measurement.
    recent: AtomicU64,
    /// Bytes of the instances, and those that they are expected to need.
    guests: AtomicU64,
    /// Bytes that the system holds for the program.
    of_system: AtomicU64,
    /// The instances that wait for memory.
    waiting: Waiting,
    /// Tells whoever holds memory for later that it is short.
    shortage: OnceLock<Arc<Notify>>,
}

#[derive(Clone, Copy, Debug)]
struct Measurement {
    taken: Instant,
    bytes: u64,
}

impl Budget {
    /// A budget without a limit, which measures nothing.
    pub const fn new() -> Self {
        Self {
            limit: AtomicU64::new(u64::MAX),
            meter: OnceLock::new(),
            measured: Mutex::new(None),
            recent: AtomicU64::new(0),
            guests: AtomicU64::new(0),
            of_system: AtomicU64::new(0),
            waiting: Waiting::new(),
            shortage: OnceLock::new(),
        }
    }

    /// Sets how the program measures what its allocator has in use. Later calls change nothing.
    pub fn measure_by(&self, meter: fn() -> u64) {
        let _ = self.meter.set(meter);
    }

    /// Sets the limit in bytes.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// The bytes in use, as of some milliseconds ago at most.
    pub fn used(&self) -> u64 {
        let guests = self.guests.load(Ordering::Relaxed);
        let of_system = self.of_system.load(Ordering::Relaxed);
        self.outside_guests().saturating_add(guests).saturating_add(of_system)
    }

    fn outside_guests(&self) -> u64 {
        let Some(meter) = self.meter.get() else { return 0 };
        let mut measured = self.measured();
        let bytes = match *measured {
            Some(Measurement { taken, bytes }) if taken.elapsed() < MEASUREMENT_LIFETIME => bytes,
            _ => {
                // What is allowed from now on is not in it.
                self.recent.store(0, Ordering::Relaxed);
                let bytes = meter().saturating_add(BASE_BYTES);
                *measured = Some(Measurement { taken: Instant::now(), bytes });
                bytes
            }
        };
        bytes.saturating_add(self.recent.load(Ordering::Relaxed))
    }

    fn measured(&self) -> MutexGuard<'_, Option<Measurement>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes in use beyond what this purpose may use.
    pub fn excess(&self, purpose: Purpose) -> u64 {
        self.used().saturating_sub(self.allowed(purpose))
    }

    fn allowed(&self, purpose: Purpose) -> u64 {
        (self.limit() / 16).saturating_mul(purpose.sixteenths())
    }

    /// Whether so many bytes more may be used for this purpose.
    ///
    /// # Errors
    ///
    /// When they may not.
    pub fn check(&self, bytes: u64, purpose: Purpose) -> Result<(), Exhausted> {
        let fits = self.used().saturating_add(bytes) <= self.allowed(purpose);
        if fits { Ok(()) } else { Err(self.exhausted()) }
    }

    /// The error of whoever was refused memory some time ago.
    pub fn exhausted(&self) -> Exhausted {
        Exhausted { limit: self.limit() }
    }

    /// Allows so many bytes more for this purpose.
    ///
    /// # Errors
    ///
    /// When they may not be used.
    pub fn take(&self, bytes: u64, purpose: Purpose) -> Result<(), Exhausted> {
        self.check(bytes, purpose)?;
        self.recent.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until so many bytes more may be used for this purpose, until `end` at most.
    ///
    /// # Errors
    ///
    /// When they may not be used until then.
    pub async fn wait_for(&self, bytes: u64, purpose: Purpose, end: Instant) -> Result<(), Exhausted> {
        loop {
            let Err(exhausted) = self.take(bytes, purpose) else { return Ok(()) };
            self.look_later(end).await.ok_or(exhausted)?;
        }
    }

    /// Says that memory is short, and waits until it is worth to look again; `None` at the `end`.
    async fn look_later(&self, end: Instant) -> Option<()> {
        self.tell_shortage();
        let left = end.saturating_duration_since(Instant::now());
        sleep(LOOK_INTERVAL.min(left)).await;
        (left > Duration::ZERO).then_some(())
    }

    fn shortage_notify(&self) -> &Arc<Notify> {
        self.shortage.get_or_init(Arc::default)
    }

    /// Tells whoever holds memory for later, or for a client that takes nothing, that it is short.
    pub fn tell_shortage(&self) {
        self.shortage_notify().notify_waiters();
    }

    /// Ends when somebody lacks memory: whoever holds memory only to be faster later has to free it.
    pub fn shortage(&self) -> OwnedNotified {
        Arc::clone(self.shortage_notify()).notified_owned()
    }

    /// Waits until work that is expected to need so many bytes in its instance may begin, until `end` at most. The bytes count
    /// until the promise is dropped or spent. Where `is_alone` says that no other such work runs, what is expected does not count:
    /// it may be more than there will ever be.
    ///
    /// # Errors
    ///
    /// When it may not begin until then.
    pub async fn promise(
        &'static self,
        bytes: u64,
        is_alone: impl Fn() -> bool,
        end: Instant,
    ) -> Result<Promise, Exhausted> {
        while let Err(exhausted) = self.check(bytes, Purpose::Begin) {
            if is_alone() && self.check(0, Purpose::Begin).is_ok() {
                break;
            }
            self.look_later(end).await.ok_or(exhausted)?;
        }
        self.guests.fetch_add(bytes, Ordering::Relaxed);
        Ok(Promise { budget: self, bytes })
    }

    /// Counts bytes that the system holds for the program, in the buffers of sockets, until the result is dropped. They are there
    /// already.
    pub fn held_by_system(&'static self, bytes: u64) -> HeldBySystem {
        self.of_system.fetch_add(bytes, Ordering::Relaxed);
        HeldBySystem { budget: self, bytes }
    }

    /// The memory of a new instance, which has none yet.
    pub fn guest(&'static self) -> GuestMemory {
        GuestMemory { budget: self, bytes: 0 }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes that the system holds, which count as used.
#[derive(Debug)]
pub struct HeldBySystem {
    budget: &'static Budget,
    bytes: u64,
}

impl Drop for HeldBySystem {
    fn drop(&mut self) {
        self.budget.of_system.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes that work is expected to need, which count as used.
#[derive(Debug)]
pub struct Promise {
    budget: &'static Budget,
    bytes: u64,
}

impl Promise {
    /// Counts so many of them no longer, because the work has them now.
    pub fn spend(&mut self, bytes: u64) {
        let spent = bytes.min(self.bytes);
        self.bytes = self.bytes.saturating_sub(spent);
        self.budget.guests.fetch_sub(spent, Ordering::Relaxed);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.spend(u64::MAX);
    }
}

/// The memory of an instance, which counts until this is dropped.
#[derive(Debug)]
pub struct GuestMemory {
    budget: &'static Budget,
    bytes: u64,
}

impl GuestMemory {
    /// The bytes that the instance has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives the instance so many bytes more. Waits for them where the budget has no room, as other work may end.
    ///
    /// # Errors
    ///
    /// When the wait was in vain. The instance that has most gives up first, because its end helps the others most.
    pub async fn grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let Err(mut exhausted) = self.grow_now(bytes) else { return Ok(()) };
        let begun = Instant::now();
        let place = self.budget.waiting.wait(self.bytes.saturating_add(bytes));
        loop {
            let patience = if place.has_most() { FATTEST_PATIENCE } else { PATIENCE };
            if begun.elapsed() >= patience {
                return Err(exhausted);
            }
            self.budget.tell_shortage();
            sleep(LOOK_INTERVAL).await;
            match self.grow_now(bytes) {
                Ok(()) => return Ok(()),
                Err(again) => exhausted = again,
            }
        }
    }

    /// Gives the instance bytes that it has and hardly uses, such as the memory with which it starts: they count little, so that
    /// instances that do nothing take nobody's place.
    ///
    /// # Errors
    ///
    /// When the budget has no room for them.
    pub fn start_with(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.grow_now(bytes / STARTED_SHARE)
    }

    fn grow_now(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.budget.check(bytes, Purpose::Continue)?;
        self.budget.guests.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for GuestMemory {
    fn drop(&mut self) {
        self.budget.guests.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// A budget of 80 MiB, of which `BASE_BYTES` and 8 MiB are used.
    fn budget() -> &'static Budget {
        let budget: &'static Budget = Box::leak(Box::default());
        budget.measure_by(|| 8 * MIB);
        budget.set_limit(80 * MIB);
        budget
    }

    #[test]
    fn what_is_worth_less_ends_earlier() {
        let budget = budget();
        let room = |purpose| (0..80).take_while(|mib| budget.check((mib + 1) * MIB, purpose).is_ok()).count();
        let purposes = [Purpose::Keep, Purpose::Begin, Purpose::Accept, Purpose::Continue];
        assert_eq!(purposes.map(room), [30, 40, 45, 50]);
    }

    #[test]
    fn what_is_allowed_counts_before_it_is_measured() {
        let budget = budget();
        assert_eq!(budget.take(30 * MIB, Purpose::Begin), Ok(()));
        assert_eq!(budget.recent.load(Ordering::Relaxed), 30 * MIB);
        std::thread::sleep(2 * MEASUREMENT_LIFETIME);
        assert_eq!(budget.used(), 20 * MIB, "the measurement does not have it");
    }

    #[test]
    fn what_the_system_holds_counts_until_it_is_sent() {
        let budget = budget();
        let held = budget.held_by_system(10 * MIB);
        assert_eq!(budget.used(), 30 * MIB);
        drop(held);
        assert_eq!(budget.used(), 20 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_counts_until_it_ends() {
        let budget = budget();
        let mut guest = budget.guest();
        guest.grow(45 * MIB).await.unwrap();
        let refused = guest.grow_now(10 * MIB).unwrap_err().to_string();
        assert!(refused.contains("limits_config.max_total_memory"), "{refused}");
        assert_eq!((guest.bytes(), budget.used()), (45 * MIB, 65 * MIB));
        drop(guest);
        assert_eq!(budget.used(), 20 * MIB);
    }

    #[tokio::test]
    async fn of_two_instances_that_wait_the_fatter_one_gives_up_and_the_other_goes_on() {
        let budget = budget();
        let (mut fat, mut thin) = (budget.guest(), budget.guest());
        fat.grow(30 * MIB).await.unwrap();
        thin.grow(15 * MIB).await.unwrap();
        let gives_up = async {
            let refused = fat.grow(10 * MIB).await;
            drop(fat);
            refused
        };
        let (fat, thin) = tokio::join!(gives_up, thin.grow(10 * MIB));
        assert!(fat.is_err() && thin.is_ok(), "{fat:?} {thin:?}");
    }

    #[tokio::test]
    async fn what_is_expected_counts_until_it_is_there() {
        let (budget, soon) = (budget(), Instant::now());
        let others_run = || false;
        let mut promise = budget.promise(30 * MIB, others_run, soon).await.unwrap();
        assert!(budget.promise(30 * MIB, others_run, soon).await.is_err());
        assert!(budget.promise(30 * MIB, || true, soon).await.is_ok(), "whoever is alone need not wait for others");
        promise.spend(20 * MIB);
        assert_eq!(budget.used(), 30 * MIB);
        drop(promise);
        assert_eq!(budget.used(), 20 * MIB);
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_there_is_room_and_says_that_memory_is_short() {
        let budget = budget();
        let mut guest = budget.guest();
        guest.grow(45 * MIB).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(50);
        assert!(budget.wait_for(MIB, Purpose::Begin, soon).await.is_err());
        let shortage = tokio::spawn(budget.shortage());
        tokio::spawn(async move {
            let _ = shortage.await;
            drop(guest);
        });
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(budget.wait_for(MIB, Purpose::Begin, later).await, Ok(()));
    }

    #[test]
    fn without_a_limit_all_is_allowed() {
        assert_eq!(Budget::new().take(u64::MAX / 16, Purpose::Keep), Ok(()));
    }
}
