//! Where the double listens: plain or over TLS, counting connections.

use anyhow::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A listener on a free port of this machine.
pub(super) struct Listener {
    inner: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Whether a connection that ends is reset.
    reset: bool,
    accepted: Accepted,
}

/// How many connections a listener accepted.
#[derive(Clone, Default)]
pub(super) struct Accepted(Arc<AtomicUsize>);

impl Accepted {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    pub(super) async fn bind(tls: Option<rustls::ServerConfig>, reset: bool) -> Result<Self> {
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        Ok(Self { inner: TcpListener::bind("127.0.0.1:0").await?, tls, reset, accepted: Accepted::default() })
    }

    pub(super) fn address(&self) -> Result<SocketAddr> {
        Ok(self.inner.local_addr()?)
    }

    pub(super) fn accepted(&self) -> Accepted {
        self.accepted.clone()
    }

    /// The next connection whose TLS handshake, if there is one, succeeds.
    pub(super) async fn accept(&self) -> std::io::Result<Box<dyn Stream>> {
        loop {
            let (stream, _) = self.inner.accept().await?;
            stream.set_nodelay(true)?;
            if self.reset {
                stream.set_zero_linger()?;
            }
            let stream: Box<dyn Stream> = match &self.tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    // The program does not trust the certificate, say.
                    Err(_) => continue,
                },
            };
            self.accepted.0.fetch_add(1, Ordering::SeqCst);
            return Ok(stream);
        }
    }
}
