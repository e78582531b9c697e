//! The queue of log lines, and the thread that writes them, so that no request waits for a disk, a pipe or the journal.

use super::lines::{Lines, Loss};
use super::sink::Sink;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most bytes in the queue. Further lines are dropped and counted, because logs must not fill the memory.
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// Pause between two writes, so that a busy program writes many lines at once.
const WRITE_INTERVAL: Duration = Duration::from_millis(5);
/// Longest wait for the last lines at the end of the program, because their reader may be gone.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Lines that were dropped, or that their place did not take, since the program began.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines were lost since the program began: the queue was full, or their place did not take them.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Queues lines for the thread that writes them.
#[derive(Clone)]
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Signals new lines, and the end of writing.
    changed: Condvar,
    sink: Mutex<Box<dyn Sink>>,
}

#[derive(Default)]
struct Queue {
    lines: Lines,
    dropped: u64,
    writing: bool,
    closed: bool,
}

/// Writes all queued lines when it is dropped.
#[must_use]
pub(super) struct Closing(Writer);

impl Writer {
    /// Starts the thread that writes to `sink`. Dropping the [`Closing`] ends it.
    pub(super) fn start(sink: Box<dyn Sink>) -> std::io::Result<(Self, Closing)> {
        let writer =
            Self(Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), sink: Mutex::new(sink) }));
        let shared = Arc::clone(&writer.0);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.run())?;
        Ok((writer.clone(), Closing(writer)))
    }

    /// Queues a line. The line includes the line end of its format.
    pub(super) fn write(&self, line: &[u8]) {
        let mut queue = self.0.queue();
        if queue.closed {
            drop(queue);
            // The thread has ended, so this thread writes. The sink is in use only where the last flush timed out.
            if let Ok(mut sink) = self.0.sink.try_lock() {
                let mut lines = Lines::default();
                lines.push(line);
                count(&sink.write(&lines));
            }
            return;
        }
        if queue.lines.bytes.len() + line.len() > MAX_QUEUED_BYTES {
            queue.dropped += 1;
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.lines.push(line);
        let asleep = !queue.writing;
        drop(queue);
        if asleep {
            self.0.changed.notify_all();
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut lines = Lines::default();
        // Lines that the place did not take since it last took some.
        let mut lost = 0_u64;
        loop {
            let (closed, dropped) = {
                let mut queue = self.queue();
                queue.writing = false;
                while queue.lines.bytes.is_empty() && !queue.closed {
                    queue = self.wait(queue);
                }
                queue.writing = true;
                std::mem::swap(&mut lines, &mut queue.lines);
                (queue.closed, std::mem::take(&mut queue.dropped))
            };
            if dropped > 0 {
                tracing::warn!(
                    "the log lost {dropped} lines, because the program wrote them faster than the place of the log took them"
                );
            }
            if lines.bytes.is_empty() {
                break;
            }
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            let (outcome, place) = (sink.write(&lines), sink.name());
            drop(sink);
            count(&outcome);
            match outcome {
                Err(Loss { lines, error }) => {
                    // Said once, to the other place of the log where there is one.
                    if lost == 0 {
                        tracing::error!(
                            "{place} does not take lines of the log ({error}); they are lost until it does"
                        );
                    }
                    lost = lost.saturating_add(lines);
                }
                Ok(()) if lost > 0 => {
                    tracing::warn!("the log lost {lost} lines, which {place} did not take; it takes lines again");
                    lost = 0;
                }
                Ok(()) => {}
            }
            lines.clear();
            if !closed {
                std::thread::sleep(WRITE_INTERVAL);
            }
        }
        self.queue().writing = false;
        self.changed.notify_all();
    }
}

/// Counts the lines of a loss.
fn count(outcome: &Result<(), Loss>) {
    if let Err(loss) = outcome {
        DROPPED.fetch_add(loss.lines, Ordering::Relaxed);
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let shared = &self.0.0;
        let mut queue = shared.queue();
        queue.closed = true;
        shared.changed.notify_all();
        let left = |queue: &mut Queue| queue.writing || !queue.lines.bytes.is_empty();
        drop(shared.changed.wait_timeout_while(queue, FLUSH_TIMEOUT, left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;

    /// Records lines. With a gate, waits for it before each write.
    struct Recorder {
        lines: Arc<Mutex<Vec<String>>>,
        gate: Option<mpsc::Receiver<()>>,
    }

    impl Sink for Recorder {
        fn write(&mut self, lines: &Lines) -> Result<(), Loss> {
            if let Some(gate) = &self.gate {
                let _ = gate.recv();
            }
            let lines = lines.iter().map(|line| String::from_utf8(line.to_vec()).unwrap());
            self.lines.lock().unwrap().extend(lines);
            Ok(())
        }

        fn name(&self) -> String {
            "a test".to_owned()
        }
    }

    fn writer(gate: Option<mpsc::Receiver<()>>) -> (Writer, Closing, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::default());
        let (writer, closing) = Writer::start(Box::new(Recorder { lines: Arc::clone(&lines), gate })).unwrap();
        (writer, closing, lines)
    }

    #[test]
    fn no_line_is_lost_at_the_end_and_their_order_stays() {
        let (writer, closing, lines) = writer(None);
        let expected: Vec<String> = (0..10_000).map(|number| format!("line {number}\n")).collect();
        expected.iter().for_each(|line| writer.write(line.as_bytes()));
        drop(closing);
        writer.write(b"after the end\n");
        let lines = lines.lock().unwrap();
        assert_eq!(lines[..10_000], expected);
        assert_eq!(lines[10_000..], ["after the end\n"]);
    }

    /// Takes no line until it is let.
    struct Full {
        lines: Arc<Mutex<Vec<String>>>,
        has_room: Arc<AtomicBool>,
    }

    impl Sink for Full {
        fn write(&mut self, lines: &Lines) -> Result<(), Loss> {
            if !self.has_room.load(Ordering::Relaxed) {
                return Err(Loss { lines: lines.iter().count() as u64, error: std::io::ErrorKind::StorageFull.into() });
            }
            let lines = lines.iter().map(|line| String::from_utf8(line.to_vec()).unwrap());
            self.lines.lock().unwrap().extend(lines);
            Ok(())
        }

        fn name(&self) -> String {
            "a test".to_owned()
        }
    }

    #[test]
    fn lines_that_their_place_does_not_take_are_counted() {
        let (lines, has_room) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let sink = Full { lines: Arc::clone(&lines), has_room: Arc::clone(&has_room) };
        let (writer, closing) = Writer::start(Box::new(sink)).unwrap();
        let before = dropped();
        for _ in 0..3 {
            writer.write(b"lost\n");
        }
        while dropped() < before + 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        has_room.store(true, Ordering::Relaxed);
        writer.write(b"kept\n");
        drop(closing);
        assert_eq!(*lines.lock().unwrap(), ["kept\n"]);
    }

    #[test]
    fn logging_never_waits_and_lines_above_the_limit_are_counted() {
        let (open, gate) = mpsc::channel();
        let (writer, closing, lines) = writer(Some(gate));
        let before = dropped();
        let line = vec![b'x'; 64 * 1024];
        let number = 3 * MAX_QUEUED_BYTES / line.len();
        for _ in 0..number {
            writer.write(&line);
        }
        let lost = usize::try_from(dropped() - before).unwrap();
        assert!(lost > 0, "nothing was dropped");
        drop(open);
        drop(closing);
        assert_eq!(lines.lock().unwrap().len() + lost, number);
    }
}
