//! A double of a container runtime's CRI socket: gRPC over HTTP/2, with one answer to everything.

use anyhow::Result;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use std::convert::Infallible;
use std::path::Path;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// `runtime.v1.ListImagesResponse`.
#[derive(Clone, Message)]
pub struct ListImages {
    /// The images.
    #[prost(message, repeated, tag = "1")]
    pub images: Vec<CriImage>,
}

/// `runtime.v1.Image`, as far as it is read.
#[derive(Clone, Message)]
pub struct CriImage {
    /// `sha256:…`
    #[prost(string, tag = "1")]
    pub id: String,
    /// `repository:tag`
    #[prost(string, repeated, tag = "2")]
    pub repo_tags: Vec<String>,
    /// Bytes.
    #[prost(uint64, tag = "4")]
    pub size: u64,
}

/// What the double answers.
#[derive(Clone, Debug)]
pub enum CriAnswer {
    /// These images.
    Images(ListImages),
    /// A gRPC status without images, with its message.
    Status(u32, &'static str),
}

/// The double, until it is dropped.
pub struct Cri(JoinHandle<()>);

impl Cri {
    /// Listens on this socket.
    ///
    /// # Errors
    ///
    /// When it can't.
    pub fn start(socket: &Path, answer: CriAnswer) -> Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let (status, message, body) = match answer {
            CriAnswer::Images(images) => ("0".to_owned(), "", framed(&images.encode_to_vec())),
            CriAnswer::Status(status, message) => (status.to_string(), message, Bytes::new()),
        };
        Ok(Self(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (status, body) = (status.clone(), body.clone());
                let answer = hyper::service::service_fn(move |_| {
                    let mut trailers = http::HeaderMap::new();
                    trailers.extend(
                        [
                            (http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_str(&status)),
                            (http::HeaderName::from_static("grpc-message"), http::HeaderValue::from_str(message)),
                        ]
                        .into_iter()
                        .filter_map(|(name, value)| Some((name, value.ok()?))),
                    );
                    let frames = [Ok::<_, Infallible>(Frame::data(body.clone())), Ok(Frame::trailers(trailers))];
                    let mut response = http::Response::new(StreamBody::new(futures::stream::iter(frames)));
                    let content_type = http::HeaderValue::from_static("application/grpc");
                    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
                    async { Ok::<_, Infallible>(response) }
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(stream), answer));
            }
        })))
    }
}

impl Drop for Cri {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A gRPC message: not compressed, its length, itself.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}
