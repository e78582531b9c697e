//! An answer on its way, for a reader in a thread that may block.

use bytes::{Buf, Bytes};
use std::io::{self, Read};
use tokio::sync::mpsc::Receiver;

/// The bytes of an answer. Each piece goes to `pass` before it is read.
pub(in crate::cli) struct Arriving<P> {
    pieces: Receiver<Bytes>,
    piece: Bytes,
    pass: P,
}

impl<P> Arriving<P> {
    pub(in crate::cli) fn new(pieces: Receiver<Bytes>, pass: P) -> Self {
        Self { pieces, piece: Bytes::new(), pass }
    }
}

impl<P: FnMut(&Bytes) -> io::Result<()>> Read for Arriving<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(next) = self.pieces.blocking_recv() else { return Ok(0) };
            (self.pass)(&next)?;
            self.piece = next;
        }
        let length = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
