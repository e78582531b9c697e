//! One GET over wasi:http, for the components that send HTTP requests. It returns the whole response, or a message.

#![forbid(unsafe_code)]

mod explain;

use explain::explain;
use image_model::types::FailureCode;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;
use wasip3::http::client;
use wasip3::http::types::{self, ErrorCode, Fields, Request, Scheme};
use wasip3::wit_future;
use wit_bindgen::StreamResult;

/// Least room for each read of a body, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Says who asks, and that answers should come as they are. A host that decodes answers asks for more than that itself.
const OWN_HEADERS: [(&str, &str); 2] =
    [("user-agent", concat!("image-service/", env!("CARGO_PKG_VERSION"))), ("accept-encoding", "identity")];

/// Bytes from which on a body is large.
const LARGE_BODY: usize = 1 << 20;

/// Sends requests, and holds one large body at a time, so that many large answers at once do not take the memory of the
/// instance.
///
/// Each component-model task has a client of its own: a task must not wake another one, which is what a shared permit would
/// do.
pub struct Client {
    /// The permit for the one large body.
    large: Arc<Semaphore>,
}

impl Default for Client {
    fn default() -> Self {
        Self { large: Arc::new(Semaphore::new(1)) }
    }
}

/// Why there is no response.
#[derive(Debug)]
pub struct Failed {
    /// What kind of failure it is, for programs.
    pub code: FailureCode,
    /// What happened, and what to do.
    pub message: String,
}

impl Failed {
    fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn of(error: ErrorCode) -> Self {
        let (code, message) = explain(error);
        Self { code, message }
    }
}

/// A response, of any status.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, Vec<u8>)>,
    /// The whole body. While it is large, its client reads no other large body; so drop the response soon.
    pub body: Vec<u8>,
    _large: Option<OwnedSemaphorePermit>,
}

impl Response {
    /// The values of a header, given in lower case, joined by commas; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>().join(", ")
    }
}

impl Client {
    /// Gets `url` with these headers. It follows no redirect.
    ///
    /// # Errors
    ///
    /// When there is no response, when it broke off, or when its body has more than `limit` bytes. The message says what
    /// happened and what to do.
    pub async fn get(&self, url: &Url, headers: &[(String, Vec<u8>)], limit: usize) -> Result<Response, Failed> {
        let request = request(url, headers)?;
        let response = client::send(request).await.map_err(Failed::of)?;
        let status = response.get_status_code();
        let headers = response.get_headers().copy_all();
        let (body, large) = self.read(response, limit).await?;
        let response = Response { status, headers, body, _large: large };
        let encoding = response.header("content-encoding");
        if !response.body.is_empty() && !matches!(encoding.trim(), "" | "identity") {
            let message = format!(
                "the answer came encoded ({encoding}), unasked; have the proxy before the server not encode it"
            );
            return Err(Failed::new(FailureCode::Malformed, message));
        }
        Ok(response)
    }

    async fn read(
        &self,
        response: types::Response,
        limit: usize,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Failed> {
        let (_, no_result) = wit_future::new(|| Ok(()));
        let (mut stream, trailers) = types::Response::consume_body(response, no_result);
        let (mut body, mut large) = (Vec::new(), None);
        loop {
            if body.len() > LARGE_BODY && large.is_none() {
                // The semaphore is never closed.
                large = Arc::clone(&self.large).acquire_owned().await.ok();
            }
            body.reserve(READ_BYTES);
            let status;
            (status, body) = stream.read(body).await;
            if body.len() > limit {
                return Err(Failed::new(FailureCode::TooLarge, format!("the answer is larger than {limit} bytes")));
            }
            if !matches!(status, StreamResult::Complete(_)) {
                break;
            }
        }
        match trailers.await {
            Ok(_) => Ok((body, large)),
            Err(code) => Err(Failed::of(code)),
        }
    }
}

fn request(url: &Url, headers: &[(String, Vec<u8>)]) -> Result<Request, Failed> {
    let refused = |what: &str| Failed::new(FailureCode::Denied, format!("the host refused the {what} of the request"));
    let own = OWN_HEADERS.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let headers = Fields::from_list(&[&own, headers].concat()).map_err(|_| refused("headers"))?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(headers, None, no_trailers, None);
    let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).map_err(|()| refused("scheme"))?;
    request.set_authority(Some(url.authority())).map_err(|()| refused("address"))?;
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    request.set_path_with_query(Some(&path)).map_err(|()| refused("path"))?;
    Ok(request)
}
