//! A client that sends bytes of the test's choice, for what no decent client does.

use crate::wait::DEADLINE;
use anyhow::Result;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What HTTP/2 begins with: the preface, and settings that set nothing.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A connection by bytes.
pub struct RawClient(pub TcpStream);

impl RawClient {
    /// Connects to an address such as `http://127.0.0.1:40123`, with a small buffer for what comes back.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub async fn connect(address: &str) -> Result<Self> {
        let address = address.split_once("://").map_or(address, |(_, address)| address).parse()?;
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        Ok(Self(socket.connect(address).await?))
    }

    /// The same, with HTTP/2 begun.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub async fn http2(address: &str) -> Result<Self> {
        let mut raw = Self::connect(address).await?;
        raw.send(HTTP_2).await?;
        Ok(raw)
    }

    /// Sends so many requests for this path over HTTP/2, and leaves no room for any answer (RFC 9113, RFC 7541). All but the first
    /// take 13 bytes each.
    ///
    /// # Errors
    ///
    /// When the other side has ended the connection.
    pub async fn leave_unread(&mut self, count: u32, path: &str) -> io::Result<()> {
        // GET and http; then a path and an authority, which later requests have by their numbers.
        let first = [&[0x82, 0x86, 0x44][..], &hpack_string(path), &[0x41], &hpack_string("a")].concat();
        let later = [0x82, 0x86, 0x80 | 63, 0x80 | 62];
        let no_window = frame(0, 4, 0, &[0, 4, 0, 0, 0, 0]);
        let heads = (0..count).flat_map(|number| {
            let head = if number == 0 { &first[..] } else { &later };
            frame(2 * number + 1, 1, 5, head)
        });
        self.send(no_window.into_iter().chain(heads).collect::<Vec<u8>>()).await
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// When the other side has ended the connection.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await
    }

    /// Sends a frame of HTTP/2 (RFC 9113, section 4.1).
    ///
    /// # Errors
    ///
    /// When the other side has ended the connection.
    pub async fn frame(&mut self, stream: u32, kind: u8, flags: u8, payload: &[u8]) -> io::Result<()> {
        self.send(frame(stream, kind, flags, payload)).await
    }

    /// The head of an answer and as much of its body as comes with it.
    ///
    /// # Errors
    ///
    /// When the connection ends before.
    pub async fn head(&mut self) -> io::Result<String> {
        let mut text = Vec::new();
        while !text.windows(4).any(|end| end == b"\r\n\r\n") {
            if self.0.read_buf(&mut text).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads until the other side ends the connection, in whatever way, or the deadline is over. Gives the time until then and
    /// what came.
    pub async fn end(&mut self) -> (Duration, Vec<u8>) {
        let begun = Instant::now();
        let mut bytes = Vec::new();
        while begun.elapsed() < DEADLINE
            && let Ok(Ok(1..)) = tokio::time::timeout(DEADLINE, self.0.read_buf(&mut bytes)).await
        {}
        (begun.elapsed(), bytes)
    }

    /// Sends the same in this rhythm, until the other side ends the connection or the deadline is over. Gives the time until
    /// then.
    pub async fn trickle(&mut self, bytes: &[u8], every: Duration) -> Duration {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE && self.send(bytes).await.is_ok() {
            tokio::time::sleep(every).await;
        }
        begun.elapsed()
    }
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(stream: u32, kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// A string of HPACK (RFC 7541, section 5.2) of up to 16 KiB. One of 127 bytes or more has its length in several bytes of seven bits.
fn hpack_string(text: &str) -> Vec<u8> {
    let mut bytes = match u8::try_from(text.len()) {
        Ok(short @ 0..127) => vec![short],
        _ => {
            let [low, high] = [(text.len() - 127) % 128, (text.len() - 127) / 128].map(|part| part.to_le_bytes()[0]);
            vec![127, low | 128, high]
        }
    };
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
