//! The output of a process, in pieces and up to a limit.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of one piece of the output.
const PIECE_BYTES: usize = 64 * 1024;
/// Most bytes of crictl's stderr that an error may show.
const MAX_STDERR: usize = 16 * 1024;

/// Reads to the end, or until the pieces have more bytes than the limit; then it returns `false`. They are pieces, as a growing
/// list would be copied at each doubling, and would need four times the memory.
pub(super) async fn read(
    pipe: Option<impl AsyncRead + Unpin>,
    limit: usize,
    pieces: &mut Vec<Vec<u8>>,
) -> io::Result<bool> {
    let Some(mut pipe) = pipe else { return Ok(true) };
    let mut total = 0;
    loop {
        if pieces.last().is_none_or(|piece| piece.len() == piece.capacity()) {
            pieces.push(Vec::with_capacity(PIECE_BYTES));
        }
        let Some(piece) = pieces.last_mut() else { return Ok(true) };
        match pipe.read_buf(piece).await? {
            0 => return Ok(true),
            more => total += more,
        }
        if total > limit {
            return Ok(false);
        }
    }
}

/// Keeps the beginning of stderr. Reads the rest too, so that crictl never waits for room in the pipe.
pub(super) async fn read_and_drain(
    mut pipe: Option<impl AsyncRead + Unpin>,
    pieces: &mut Vec<Vec<u8>>,
) -> io::Result<()> {
    let is_all = read(pipe.as_mut(), MAX_STDERR, pieces).await?;
    if let Some(pipe) = pipe.as_mut().filter(|_| !is_all) {
        tokio::io::copy(pipe, &mut tokio::io::sink()).await?;
    }
    Ok(())
}
