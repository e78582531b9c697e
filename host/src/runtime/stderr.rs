//! The stderr of components: whole lines, a limited number a second, for the operator.

use bytes::Bytes;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Receives the stderr of components, a line at a time.
pub type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// The most bytes of a line; a longer line arrives in pieces.
const MAX_LINE: usize = 4096;

/// Passes a limited number of lines a second on, and one line that counts the others.
pub(super) fn bounded(notes: Notes, per_second: usize) -> Notes {
    let second = Arc::new(Mutex::new(Second { notes, per_second, begun: Instant::now(), said: 0, left_out: 0 }));
    Arc::new(move |line| {
        let mut now = second.lock().unwrap_or_else(PoisonError::into_inner);
        now.begin_next();
        if now.said < now.per_second {
            now.said += 1;
            (now.notes)(line);
            return;
        }
        now.left_out += 1;
        // Perhaps nothing more is ever said, so somebody has to look when this second is over.
        if now.left_out == 1
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let second = Arc::clone(&second);
            runtime.spawn(async move {
                tokio::time::sleep(SECOND).await;
                second.lock().unwrap_or_else(PoisonError::into_inner).begin_next();
            });
        }
    })
}

const SECOND: Duration = Duration::from_secs(1);

/// The lines of one second.
struct Second {
    notes: Notes,
    per_second: usize,
    begun: Instant,
    said: usize,
    left_out: usize,
}

impl Second {
    /// Begins the next one where this one is over.
    fn begin_next(&mut self) {
        if self.begun.elapsed() < SECOND {
            return;
        }
        (self.begun, self.said) = (Instant::now(), 0);
        match std::mem::take(&mut self.left_out) {
            0 => {}
            count => (self.notes)(&format!(
                "{count} more lines were left out: components may say {} a second (limits_config.max_stderr_lines)",
                self.per_second
            )),
        }
    }
}

/// The stderr of one instance.
#[derive(Clone)]
pub(super) struct Stderr(pub(super) Notes);

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { notes: Arc::clone(&self.0), begun: Vec::new() })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { notes: Arc::clone(&self.0), begun: Vec::new() })
    }
}

/// Cuts bytes into lines.
struct Lines {
    notes: Notes,
    /// The line that has not ended yet.
    begun: Vec<u8>,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.begun.push(*byte);
            }
            if *byte == b'\n' || self.begun.len() >= MAX_LINE {
                self.tell();
            }
        }
    }

    fn tell(&mut self) {
        if !self.begun.is_empty() {
            (self.notes)(&String::from_utf8_lossy(&self.begun));
            self.begun.clear();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.tell();
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
        Ok(MAX_LINE)
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

    /// Where lines are told, and the lines.
    fn told() -> (Notes, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&told);
        (Arc::new(move |line| notes.lock().unwrap().push(line.to_owned())), told)
    }

    #[test]
    fn bytes_become_whole_lines_and_a_long_line_comes_in_pieces() {
        let (notes, told) = told();
        let mut lines = Lines { notes, begun: Vec::new() };
        lines.add(b"one\ntw");
        lines.add(b"o\n\nthree");
        lines.add(&[b'x'; MAX_LINE]);
        drop(lines);
        let told = told.lock().unwrap();
        assert_eq!(told[..2], ["one", "two"]);
        assert_eq!(told[2..].iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, 5]);
    }

    #[tokio::test]
    async fn a_flood_becomes_so_many_lines_and_one_that_counts_the_rest() {
        let (notes, told) = told();
        let notes = bounded(notes, 3);
        for number in 0..1000 {
            notes(&number.to_string());
        }
        tokio::time::sleep(2 * SECOND).await;
        notes("after");
        let told = told.lock().unwrap();
        assert_eq!(told[..3], ["0", "1", "2"]);
        assert!(told[3].starts_with("997 more lines were left out"), "{told:?}");
        assert_eq!(told[4..], ["after"]);
    }
}
