//! A plain HTTP/1.1 client: one connection, one request after another. It reads each body to its end.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::time::Instant;
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
    login: Option<HeaderValue>,
    no_cache: bool,
}

impl Connection {
    /// Connects to an address such as `http://127.0.0.1:5375`.
    pub(crate) async fn open(address: &str, login: Option<HeaderValue>) -> Result<Self> {
        let host = address.strip_prefix("http://").context("an http:// address")?;
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: HeaderValue::from_str(host)?, login, no_cache: false })
    }

    /// Sends all further requests with `no-cache`.
    pub(crate) fn no_cache(self) -> Self {
        Self { no_cache: true, ..self }
    }

    /// Gets a path. Any status but 200 is an error.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes> {
        Ok(self.send(path).await?.into_body().collect().await?.to_bytes())
    }

    /// Gets a path, and returns when the first byte of the body came, and how many bytes there were.
    pub(crate) async fn first_byte(&mut self, path: &str) -> Result<(Instant, usize)> {
        let mut body = self.send(path).await?.into_body();
        let (mut first, mut length) = (None, 0);
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                first.get_or_insert_with(Instant::now);
                length += data.len();
            }
        }
        Ok((first.context("no byte")?, length))
    }

    /// Gets a path, and returns the entity tag of the answer.
    pub(crate) async fn entity_tag(&mut self, path: &str) -> Result<Option<HeaderValue>> {
        let response = self.send(path).await?;
        let tag = response.headers().get("etag").cloned();
        response.into_body().collect().await?;
        Ok(tag)
    }

    /// Gets a path whose answer has not changed since it had this tag. Any status but 304 is an error.
    pub(crate) async fn unchanged(&mut self, path: &str, tag: &HeaderValue) -> Result<()> {
        let response = self.answer(path, Some(tag)).await?;
        ensure!(response.status() == 304, "{path}: {}", response.status());
        response.into_body().collect().await?;
        Ok(())
    }

    async fn send(&mut self, path: &str) -> Result<Response<Incoming>> {
        let response = self.answer(path, None).await?;
        ensure!(response.status() == 200, "{path}: {}", response.status());
        Ok(response)
    }

    async fn answer(&mut self, path: &str, tag: Option<&HeaderValue>) -> Result<Response<Incoming>> {
        let mut request = Request::get(path).header("host", self.host.clone()).body(Empty::new())?;
        if let Some(login) = &self.login {
            request.headers_mut().insert("authorization", login.clone());
        }
        if self.no_cache {
            request.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache"));
        }
        if let Some(tag) = tag {
            request.headers_mut().insert("if-none-match", tag.clone());
        }
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}
