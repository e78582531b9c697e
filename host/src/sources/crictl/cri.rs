//! The runtime's socket: one CRI v1 call, ListImages.

use super::error::Error;
use crate::error_chain::root_cause;
use hyper_util::rt::TokioIo;
use image_model::types::Image;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

// Included, so that rustfmt leaves the file as it was generated.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/cri.proto")]
mod proto {
    include!("cri/runtime.v1.rs");
}

/// A socket that could not be opened.
#[derive(Debug)]
pub(super) struct ClosedSocket {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

/// The error when no socket opens. A socket that exists without permission takes precedence over missing ones.
pub(super) fn no_open_socket(closed: &[ClosedSocket]) -> Error {
    let shown = |kind: Option<io::ErrorKind>| {
        let of_kind = closed.iter().filter(|closed| kind.is_none_or(|kind| closed.error.kind() == kind));
        of_kind.map(|closed| closed.path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    if closed.iter().any(|closed| closed.error.kind() == io::ErrorKind::PermissionDenied) {
        return Error::denied(format!(
            "the socket {} may not be opened (permission denied); run as a user or group that may, or set \
             crictl_config.mode to exec",
            shown(Some(io::ErrorKind::PermissionDenied))
        ));
    }
    match closed.iter().find(|closed| closed.error.kind() != io::ErrorKind::NotFound) {
        Some(ClosedSocket { path, error }) => Error::unavailable(format!(
            "the socket {} can't be opened ({error}); is the container runtime running?",
            path.display()
        )),
        None => Error::unavailable(format!(
            "there is no socket {}; start the container runtime or set crictl_config.endpoint",
            shown(None)
        )),
    }
}

/// Asks for all images over an open socket, within a time limit and a size limit.
pub(super) async fn images(
    path: &Path,
    stream: UnixStream,
    limit: Duration,
    max_bytes: usize,
) -> Result<Vec<Image>, Error> {
    match tokio::time::timeout(limit, list(stream, max_bytes)).await {
        Err(_) => Err(Error::timed_out(format!(
            "the container runtime at {} did not answer ListImages within {} s; see its logs",
            path.display(),
            limit.as_secs_f64()
        ))),
        Ok(Err(status)) => Err(explain(path, &status, max_bytes)),
        Ok(Ok(images)) => Ok(images),
    }
}

async fn list(stream: UnixStream, max_bytes: usize) -> Result<Vec<Image>, Status> {
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
    let mut client = proto::image_service_client::ImageServiceClient::new(channel).max_decoding_message_size(max_bytes);
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

fn explain(path: &Path, status: &Status, max_bytes: usize) -> Error {
    let shown = path.display();
    let said = status.message();
    match status.code() {
        Code::Unimplemented => Error::malformed(format!(
            "the service at {shown} has no CRI v1 ({said}); it needs containerd 1.6, CRI-O 1.20 or newer with the CRI plugin on"
        )),
        Code::OutOfRange | Code::ResourceExhausted => Error::malformed(format!(
            "the list of images from {shown} is larger than {max_bytes} bytes ({said}); \
                 limits_config.max_crictl_bytes sets the limit"
        )),
        Code::PermissionDenied | Code::Unauthenticated => {
            Error::denied(format!("the container runtime at {shown} refused ListImages ({said})"))
        }
        Code::Unknown | Code::Internal | Code::Unavailable | Code::Cancelled => Error::malformed(format!(
            "the program that listens at {shown} did not answer ListImages as a container runtime does ({said}); is that its socket?"
        )),
        code => Error::unavailable(format!("the container runtime at {shown} failed ListImages ({code:?}: {said})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::crictl::ErrorKind;

    fn closed(path: &str, kind: io::ErrorKind) -> ClosedSocket {
        ClosedSocket { path: path.into(), error: kind.into() }
    }

    #[test]
    fn a_socket_without_permission_is_reported_before_missing_ones() {
        let sockets =
            [closed("/run/a.sock", io::ErrorKind::NotFound), closed("/run/b.sock", io::ErrorKind::PermissionDenied)];
        let error = no_open_socket(&sockets);
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().starts_with("the socket /run/b.sock may not"), "{error}");
    }

    #[test]
    fn all_missing_sockets_are_named() {
        let sockets = [closed("/run/a.sock", io::ErrorKind::NotFound), closed("/run/b.sock", io::ErrorKind::NotFound)];
        let error = no_open_socket(&sockets);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("/run/a.sock, /run/b.sock"), "{error}");
    }

    #[test]
    fn a_socket_that_nobody_serves_is_named_with_the_reason() {
        let error = no_open_socket(&[closed("/run/a.sock", io::ErrorKind::ConnectionRefused)]);
        assert!(error.to_string().contains("/run/a.sock can't be opened (connection refused)"), "{error}");
    }
}
