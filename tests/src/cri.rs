//! A double of a container runtime's CRI socket: gRPC over HTTP/2, with one answer to ListImages.

use crate::server::serve_connection;
use crate::timing;
use anyhow::Result;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
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

/// gRPC's status of a method that a server does not have.
const UNIMPLEMENTED: u32 = 12;

/// What the double answers.
#[derive(Clone, Debug)]
pub enum CriAnswer {
    /// These images.
    Images(ListImages),
    /// These images, by version v1alpha2 of the CRI only.
    Alpha(ListImages),
    /// A gRPC status without images, with its message.
    Status(u32, &'static str),
}

/// The double, until it is dropped.
pub struct Cri(JoinHandle<()>);

impl ListImages {
    /// So many images, with tags of so many digits.
    pub fn numbered(count: usize, tag_length: usize) -> Self {
        let image = |number| CriImage {
            id: format!("sha256:{number:064x}"),
            repo_tags: vec![format!("registry.example.com/team/app:{number:0tag_length$}")],
            size: number as u64,
        };
        Self { images: (0..count).map(image).collect() }
    }
}

impl ListImages {
    /// So many images of which nothing is told: two bytes each in the answer.
    pub fn empty(count: usize) -> Self {
        let image = CriImage { id: String::new(), repo_tags: Vec::new(), size: 0 };
        Self { images: vec![image; count] }
    }
}

impl Cri {
    /// Listens on this socket.
    ///
    /// # Errors
    ///
    /// When it can't.
    pub fn start(socket: &Path, answer: CriAnswer) -> Result<Self> {
        timing::measure_this_test();
        let listener = UnixListener::bind(socket)?;
        let (version, status, message, body) = match answer {
            CriAnswer::Images(images) => ("v1", 0, "", framed(&images.encode_to_vec())),
            CriAnswer::Alpha(images) => ("v1alpha2", 0, "", framed(&images.encode_to_vec())),
            CriAnswer::Status(status, message) => ("v1", status, message, Bytes::new()),
        };
        let method = format!("/runtime.{version}.ImageService/ListImages");
        Ok(Self(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (method, body) = (method.clone(), body.clone());
                serve_connection(stream, move |request| {
                    let (status, message, body) = if request.uri().path() == method {
                        (status, message, body.clone())
                    } else {
                        (UNIMPLEMENTED, "unknown service", Bytes::new())
                    };
                    let trailers = HeaderMap::from_iter([
                        (HeaderName::from_static("grpc-status"), HeaderValue::from(status)),
                        (HeaderName::from_static("grpc-message"), HeaderValue::from_static(message)),
                    ]);
                    let frames = [Ok::<_, Infallible>(Frame::data(body)), Ok(Frame::trailers(trailers))];
                    let mut response = http::Response::new(StreamBody::new(futures::stream::iter(frames)));
                    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                    async { Ok::<_, Infallible>(response) }
                });
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
