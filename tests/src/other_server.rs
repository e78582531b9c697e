//! A server that is not the configured one: nobody may connect to it.

use anyhow::Result;
use std::io::ErrorKind;
use std::net::TcpListener;

/// A port that takes connections and never answers.
pub struct OtherServer(TcpListener);

impl OtherServer {
    /// Opens a free port.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// Its address, such as `http://127.0.0.1:40123`.
    ///
    /// # Errors
    ///
    /// When the system does not tell it.
    pub fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.0.local_addr()?))
    }

    /// Whether anybody connected. The system keeps connections until they are accepted, so none goes unnoticed.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn was_contacted(&self) -> Result<bool> {
        match self.0.accept() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
