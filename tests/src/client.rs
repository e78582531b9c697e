//! A plain HTTP client: no TLS, no redirects, connections are kept.

use anyhow::{Context, Result, ensure};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

/// A client with connections of its own.
#[derive(Clone, Debug)]
pub struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

/// An answer, as far as it has arrived.
#[derive(Debug)]
pub struct Response {
    head: http::response::Parts,
    body: Incoming,
}

impl Default for Client {
    fn default() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Client {
    /// Gets an address such as `http://127.0.0.1:40123/images`.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn get(&self, url: &str) -> Result<Response> {
        self.request(Method::GET, url, &[]).await
    }

    /// Asks for an address with this method and these headers.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn request(&self, method: Method, url: &str, headers: &[(&str, &str)]) -> Result<Response> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::default())?).await
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response> {
        let what = format!("{} {}", request.method(), request.uri());
        let (head, body) = self.0.request(request).await.with_context(|| what)?.into_parts();
        Ok(Response { head, body })
    }
}

impl Response {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The value of a header; nothing where there is no such header.
    pub fn header(&self, name: &str) -> &str {
        self.head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer, if its status is no error.
    ///
    /// # Errors
    ///
    /// When it is.
    pub fn error_for_status(self) -> Result<Self> {
        let status = self.head.status;
        ensure!(!status.is_client_error() && !status.is_server_error(), "the answer's status is {status}");
        Ok(self)
    }

    /// The next piece of its body; `None` at the end.
    ///
    /// # Errors
    ///
    /// When it breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Its whole body.
    ///
    /// # Errors
    ///
    /// When it breaks off.
    pub async fn bytes(self) -> Result<Bytes> {
        Ok(self.body.collect().await?.to_bytes())
    }

    /// Its whole body as text.
    ///
    /// # Errors
    ///
    /// When it breaks off, or is no text.
    pub async fn text(self) -> Result<String> {
        Ok(String::from_utf8(self.bytes().await?.to_vec())?)
    }

    /// Its whole body as JSON.
    ///
    /// # Errors
    ///
    /// When it breaks off, or is no JSON of this shape.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        Ok(serde_json::from_slice(&self.bytes().await?)?)
    }
}
