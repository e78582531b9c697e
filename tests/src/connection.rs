//! Single connections, for tests that look at one: HTTP/1.1 or HTTP/2 over any stream.

use anyhow::Result;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

/// Speaks HTTP/1.1 on a stream.
///
/// # Errors
///
/// When the stream has ended.
pub async fn http1<S>(stream: S) -> Result<hyper::client::conn::http1::SendRequest<Empty<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Speaks HTTP/2 on a stream, with a window of so many bytes for each answer. The handle ends with the connection.
///
/// # Errors
///
/// When the stream has ended.
pub async fn http2<S>(
    stream: S,
    window: u32,
) -> Result<(hyper::client::conn::http2::SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>)>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    Ok((sender, tokio::spawn(connection)))
}
