//! Pulls as kubelet asks for them: `ImageService.PullImage` of the CRI, over the socket. It keeps the repository's digest beside the
//! tag, which `ctr` does not.

use super::Containerd;
use anyhow::{Result, ensure};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

/// `runtime.v1.PullImageRequest`, as far as it is needed.
#[derive(Clone, Message)]
struct PullImage {
    #[prost(message, tag = "1")]
    image: Option<ImageSpec>,
}

/// `runtime.v1.ImageSpec`.
#[derive(Clone, Message)]
struct ImageSpec {
    #[prost(string, tag = "1")]
    image: String,
}

/// A message of gRPC begins with a byte for its compression, and four for its length.
const PREFIX: usize = 5;

impl Containerd {
    /// From now on, pulls of this registry's images ask this address, as an operator writes it into hosts.toml. They keep their names.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn mirror(&self, registry: &str, address: &str) -> Result<()> {
        let folder = self.folder.path().join("hosts").join(registry);
        std::fs::create_dir_all(&folder)?;
        let hosts = format!("[host.{address:?}]\ncapabilities = [\"pull\", \"resolve\"]\noverride_path = true\n");
        Ok(std::fs::write(folder.join("hosts.toml"), hosts)?)
    }

    /// Pulls an image from a registry at the loopback, which it asks over plain HTTP.
    ///
    /// # Errors
    ///
    /// When containerd can't pull it; with what it said.
    pub async fn pull(&self, reference: &str) -> Result<()> {
        let stream = TokioIo::new(UnixStream::connect(self.socket()).await?);
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await?;
        let driven = tokio::spawn(connection);
        let message = PullImage { image: Some(ImageSpec { image: reference.to_owned() }) }.encode_to_vec();
        let mut body = vec![0; PREFIX];
        body[1..].copy_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        body.extend(message);
        let request = Request::post("http://containerd/runtime.v1.ImageService/PullImage")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await?;
        // A refusal without a message has its status in the headers.
        let head = answer.headers().clone();
        let trailers = answer.into_body().collect().await?.trailers().cloned().unwrap_or(head);
        driven.abort();
        let text = |name| trailers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        ensure!(text("grpc-status") == "0", "pulling {reference}: {}", text("grpc-message"));
        Ok(())
    }
}
