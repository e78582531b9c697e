//! A proxy between a client and a server, which treats their bytes as bad networks do.

use anyhow::Result;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFault {
    /// They arrive.
    None,
    /// After so many, the connection is reset.
    Reset(usize),
    /// After so many, nothing comes any more, and the connection stays open.
    Stall(usize),
    /// After so many, the connection ends as if all had been said.
    Truncate(usize),
    /// One byte in this time.
    Slow(Duration),
    /// Noise comes in their place.
    Garbage,
}

/// Which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Requests.
    ToServer,
    /// Answers.
    ToClient,
}

#[derive(Clone, Copy)]
struct Faults {
    to_server: NetworkFault,
    to_client: NetworkFault,
}

/// A proxy, on a port of its own. It ends with the test's runtime.
pub struct Proxy {
    /// Its address, such as `http://127.0.0.1:40123`.
    pub url: String,
    faults: Arc<Mutex<Faults>>,
}

impl Proxy {
    /// Stands before a server with an address such as `http://127.0.0.1:40123`.
    ///
    /// # Errors
    ///
    /// When no port is free or the address is none.
    pub async fn before(server: &str) -> Result<Self> {
        let server: SocketAddr = server.trim_start_matches("http://").parse()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let none = Faults { to_server: NetworkFault::None, to_client: NetworkFault::None };
        let faults = Arc::new(Mutex::new(none));
        let current = Arc::clone(&faults);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let faults = *current.lock().unwrap_or_else(PoisonError::into_inner);
                tokio::spawn(connection(client, server, faults));
            }
        });
        Ok(Self { url, faults })
    }

    /// Treats new connections like this from now on.
    pub fn set(&self, direction: Direction, fault: NetworkFault) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match direction {
            Direction::ToServer => faults.to_server = fault,
            Direction::ToClient => faults.to_client = fault,
        }
    }
}

async fn connection(client: TcpStream, server: SocketAddr, faults: Faults) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let resets = [faults.to_server, faults.to_client].iter().any(|fault| matches!(fault, NetworkFault::Reset(_)));
    if resets {
        // Dropped with unsent data or without: no farewell, as when a cable is cut and the other side asks.
        let _ = client.set_zero_linger();
        let _ = server.set_zero_linger();
    }
    let ((client_reads, client_writes), (server_reads, server_writes)) = (client.into_split(), server.into_split());
    let to_server = pass(client_reads, server_writes, faults.to_server);
    let to_client = pass(server_reads, client_writes, faults.to_client);
    drop(tokio::join!(to_server, to_client));
}

/// Passes bytes on until the connection ends; gives both ends back, so that nothing is closed before its time.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    fault: NetworkFault,
) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            to.shutdown().await?;
            return Ok((from, to));
        }
        let bytes = &buffer[..read];
        let rest = |limit: usize| &bytes[..read.min(limit.saturating_sub(passed))];
        match fault {
            NetworkFault::None => to.write_all(bytes).await?,
            NetworkFault::Reset(limit) => {
                to.write_all(rest(limit)).await?;
                if passed + read >= limit {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
            }
            NetworkFault::Truncate(limit) => {
                to.write_all(rest(limit)).await?;
                if passed + read >= limit {
                    to.shutdown().await?;
                    return Ok((from, to));
                }
            }
            NetworkFault::Stall(limit) => to.write_all(rest(limit)).await?,
            NetworkFault::Slow(pause) => {
                for byte in bytes {
                    to.write_all(&[*byte]).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            NetworkFault::Garbage => {
                let noise: Vec<u8> = (0..read).map(|index| (index * 197 % 251) as u8).collect();
                to.write_all(&noise).await?;
            }
        }
        passed += read;
    }
}
