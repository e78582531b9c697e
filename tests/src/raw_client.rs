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
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags];
        self.send([&head[..], &stream.to_be_bytes(), payload].concat()).await
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
