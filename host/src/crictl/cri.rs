//! The runtime's socket: one CRI v1 call, ListImages.

use super::Error;
use crate::cause::root_cause;
use hyper_util::rt::TokioIo;
use image_service_format::crictl::Image;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/cri.proto")]
mod proto {
    tonic::include_proto!("runtime.v1");
}

/// What crictl receives at most.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Opens the socket.
pub(super) async fn connect(path: &Path) -> Result<UnixStream, Error> {
    let shown = path.display();
    UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Unavailable(format!(
            "the socket {shown} does not exist; start the container runtime or set crictl_config.endpoint"
        )),
        io::ErrorKind::PermissionDenied => Error::Denied(format!(
            "the socket {shown} may not be opened (permission denied); run as a user or group that may, or set \
             crictl_config.mode to exec"
        )),
        _ => Error::Unavailable(format!(
            "the socket {shown} can't be opened ({error}); is the container runtime running?"
        )),
    })
}

/// Asks for all images over an opened socket.
pub(super) async fn images(path: &Path, stream: UnixStream, limit: Duration) -> Result<Vec<Image>, Error> {
    match tokio::time::timeout(limit, list(stream)).await {
        Err(_) => Err(Error::TimedOut(format!(
            "the container runtime at {} did not answer ListImages within {} s; see its logs",
            path.display(),
            limit.as_secs_f64()
        ))),
        Ok(Err(status)) => Err(explain(path, &status)),
        Ok(Ok(images)) => Ok(images),
    }
}

async fn list(stream: UnixStream) -> Result<Vec<Image>, Status> {
    let stream = Mutex::new(Some(stream));
    let connector = tower::service_fn(move |_| {
        let stream = stream.lock().ok().and_then(|mut stream| stream.take());
        async move { stream.map(TokioIo::new).ok_or_else(|| io::Error::other("the connection ended")) }
    });
    // The authority that runtimes expect over a Unix socket.
    let channel = Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
        .map_err(|error| Status::unknown(root_cause(&error)))?;
    let mut client =
        proto::image_service_client::ImageServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER);
    let answer = client.list_images(proto::ListImagesRequest {}).await?.into_inner();
    Ok(answer
        .images
        .into_iter()
        .map(|image| Image {
            id: image.id,
            repo_tags: image.repo_tags,
            repo_digests: image.repo_digests,
            size: image.size,
            pinned: image.pinned,
        })
        .collect())
}

fn explain(path: &Path, status: &Status) -> Error {
    let shown = path.display();
    let said = status.message();
    match status.code() {
        Code::Unimplemented => Error::Malformed(format!(
            "the service at {shown} has no CRI v1 ({said}); it needs containerd 1.6, CRI-O 1.20 or newer with the CRI plugin on"
        )),
        Code::OutOfRange | Code::ResourceExhausted => {
            Error::Malformed(format!("the list of images from {shown} is larger than {MAX_ANSWER} bytes ({said})"))
        }
        Code::PermissionDenied | Code::Unauthenticated => {
            Error::Denied(format!("the container runtime at {shown} refused ListImages ({said})"))
        }
        Code::Unknown | Code::Internal | Code::Unavailable | Code::Cancelled => Error::Malformed(format!(
            "what listens at {shown} did not answer ListImages as a container runtime does ({said}); is that its socket?"
        )),
        code => Error::Unavailable(format!("the container runtime at {shown} failed ListImages ({code:?}: {said})")),
    }
}
