//! The stderr of components: whole lines for the operator, a limited number each second. By hand on purpose: a rate limiter such
//! as governor says yes or no, and the number of dropped lines would still be counted and reported here.

use bytes::Bytes;
use image_service_telemetry::seldom::Seldom;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Receives the stderr of components, a line at a time.
pub type StderrHandler = Arc<dyn Fn(&str) + Send + Sync>;

/// Most bytes of a line. A longer line arrives in pieces.
const MAX_LINE_BYTES: usize = 4096;

/// Limits the lines of each second, and adds one line with the number of dropped ones. A line that comes again within a minute is
/// counted only: each listing may say the same.
pub(super) fn rate_limited(handler: StderrHandler, per_second: usize) -> StderrHandler {
    let seldom = Seldom::default();
    let window = Arc::new(Mutex::new(RateWindow { handler, per_second, begun: Instant::now(), passed: 0, dropped: 0 }));
    Arc::new(move |line| {
        let Some(left_out) = seldom.may_say(line) else { return };
        let mut now = window.lock().unwrap_or_else(PoisonError::into_inner);
        now.roll_over();
        if now.passed < now.per_second {
            now.passed += 1;
            (now.handler)(&format!("{line}{left_out}"));
            return;
        }
        now.dropped += 1;
        // No further line may ever arrive, so a task reports the dropped lines when this second is over.
        if now.dropped == 1
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let window = Arc::clone(&window);
            runtime.spawn(async move {
                tokio::time::sleep(SECOND).await;
                window.lock().unwrap_or_else(PoisonError::into_inner).roll_over();
            });
        }
    })
}

const SECOND: Duration = Duration::from_secs(1);

/// The lines of one second.
struct RateWindow {
    handler: StderrHandler,
    per_second: usize,
    begun: Instant,
    passed: usize,
    dropped: usize,
}

impl RateWindow {
    /// Begins the next second if this one is over, and reports the lines that this one dropped.
    fn roll_over(&mut self) {
        if self.begun.elapsed() < SECOND {
            return;
        }
        (self.begun, self.passed) = (Instant::now(), 0);
        match std::mem::take(&mut self.dropped) {
            0 => {}
            count => (self.handler)(&format!(
                "{count} more lines were left out: components may write {} a second (limits_config.max_stderr_lines)",
                self.per_second
            )),
        }
    }
}

/// The stderr of one instance.
#[derive(Clone)]
pub(super) struct Stderr(pub(super) StderrHandler);

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { handler: Arc::clone(&self.0), begun: Vec::new() })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { handler: Arc::clone(&self.0), begun: Vec::new() })
    }
}

/// Cuts bytes into lines.
struct Lines {
    handler: StderrHandler,
    /// The line that has not ended yet.
    begun: Vec<u8>,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.begun.push(*byte);
            }
            if *byte == b'\n' || self.begun.len() >= MAX_LINE_BYTES {
                self.flush_line();
            }
        }
    }

    fn flush_line(&mut self) {
        if !self.begun.is_empty() {
            (self.handler)(&String::from_utf8_lossy(&self.begun));
            self.begun.clear();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush_line();
    }
}

#[async_trait::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.add(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE_BYTES)
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handler that records lines, and the recorded lines.
    fn recorded() -> (StderrHandler, Arc<Mutex<Vec<String>>>) {
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let handler = Arc::clone(&recorded);
        (Arc::new(move |line| handler.lock().unwrap().push(line.to_owned())), recorded)
    }

    #[test]
    fn bytes_become_whole_lines_and_a_long_line_arrives_in_pieces() {
        let (handler, recorded) = recorded();
        let mut lines = Lines { handler, begun: Vec::new() };
        lines.add(b"one\ntw");
        lines.add(b"o\n\nthree");
        lines.add(&[b'x'; MAX_LINE_BYTES]);
        drop(lines);
        let recorded = recorded.lock().unwrap();
        assert_eq!(recorded[..2], ["one", "two"]);
        assert_eq!(recorded[2..].iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE_BYTES, 5]);
    }

    #[tokio::test]
    async fn lines_above_the_limit_become_one_line_with_their_number() {
        let (handler, recorded) = recorded();
        let handler = rate_limited(handler, 3);
        for number in 0..1000 {
            handler(&number.to_string());
        }
        tokio::time::sleep(2 * SECOND).await;
        handler("after");
        let recorded = recorded.lock().unwrap();
        assert_eq!(recorded[..3], ["0", "1", "2"]);
        assert!(recorded[3].starts_with("997 more lines were left out"), "{recorded:?}");
        assert_eq!(recorded[4..], ["after"]);
    }
}
