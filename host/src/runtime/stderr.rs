//! What components say on stderr: whole lines, bounded, to whoever wants to tell the operator.

use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Who is told what components say, a line at a time.
pub type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// Bytes of a line; what is longer comes in pieces.
const MAX_LINE: usize = 4096;

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
    use std::sync::Mutex;

    #[test]
    fn bytes_become_whole_lines_and_a_long_line_comes_in_pieces() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let notes: Notes = {
            let told = Arc::clone(&told);
            Arc::new(move |line| told.lock().unwrap().push(line.to_owned()))
        };
        let mut lines = Lines { notes, begun: Vec::new() };
        lines.add(b"one\ntw");
        lines.add(b"o\n\nthree");
        lines.add(&[b'x'; MAX_LINE]);
        drop(lines);
        let told = told.lock().unwrap();
        assert_eq!(told[..2], ["one", "two"]);
        assert_eq!(told[2..].iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, 5]);
    }
}
