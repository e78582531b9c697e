//! The runtime's socket: one CRI call, ListImages, in version v1 or, where the runtime has only that, v1alpha2.

mod image_list;
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, reason = "generated from proto/cri.proto")]
mod proto;

use super::error::{Error, ErrorKind};
use super::socket_access;
use crate::error_chain::root_cause;
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use image_list::ImageList;
use image_model::types::Image;
use image_model::visible;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tonic::client::{Grpc, GrpcService};
use tonic::codegen::{Body, Bytes, StdError};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::ServiceExt;

/// The messages of both versions are the same, as far as they are read here.
const V1: &str = "/runtime.v1.ImageService/ListImages";
/// What runtimes have that are older than Kubernetes 1.23.
const V1_ALPHA2: &str = "/runtime.v1alpha2.ImageService/ListImages";

/// Most characters of a runtime's message in an error.
const MAX_SAID: usize = 300;

/// Why a socket gave no list.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such socket.
    Missing,
    /// No container runtime answers there, so that another socket may be the node's.
    NoRuntime(Error),
    /// The node's runtime answers there, and does not give its list.
    Runtime(Error),
}

/// Asks this socket for all images, until `end` and within a size limit.
pub(super) async fn images(path: &Path, end: Instant, max_bytes: usize) -> Result<Vec<Image>, Failure> {
    // Some microseconds of the limit have passed.
    let limit = end.saturating_duration_since(Instant::now());
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) => return Err(closed(path, &error).await),
    };
    let speaks_grpc = Arc::new(AtomicBool::new(false));
    match tokio::time::timeout_at(end.into(), list(stream, max_bytes, &speaks_grpc)).await {
        Err(_) => Err(Failure::NoRuntime(timed_out(path, limit))),
        Ok(Err(status)) => Err(explain(path, &status, max_bytes, speaks_grpc.load(Ordering::Relaxed))),
        Ok(Ok(images)) => Ok(images),
    }
}

async fn closed(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        io::ErrorKind::PermissionDenied => Failure::NoRuntime(socket_access::refused(path).await),
        _ => Failure::NoRuntime(Error::new(
            ErrorKind::Unavailable,
            format!("the socket {} can't be opened ({error})", path.display()),
            "is the container runtime running?",
        )),
    }
}

fn timed_out(path: &Path, limit: Duration) -> Error {
    let seconds = (limit.as_secs_f64() * 100.0).round() / 100.0;
    let cause = format!("the container runtime at {} did not answer ListImages within {seconds} s", path.display());
    Error::new(ErrorKind::TimedOut, cause, "see its logs")
}

/// Sends the call. Sets `speaks_grpc` when the other side answers as a gRPC server does.
async fn list(stream: UnixStream, max_bytes: usize, speaks_grpc: &Arc<AtomicBool>) -> Result<Vec<Image>, Status> {
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
    let flag = Arc::clone(speaks_grpc);
    let service = channel.map_response(move |response: http::Response<_>| {
        let content_type = response.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
            flag.store(true, Ordering::Relaxed);
        }
        response
    });
    let mut client = Grpc::new(service).max_decoding_message_size(max_bytes);
    match call(&mut client, V1).await {
        Err(status) if status.code() == Code::Unimplemented && speaks_grpc.load(Ordering::Relaxed) => {
            match call(&mut client, V1_ALPHA2).await {
                // The first refusal names the version that is expected.
                Err(older) if older.code() == Code::Unimplemented => Err(status),
                outcome => outcome,
            }
        }
        outcome => outcome,
    }
}

async fn call<T>(client: &mut Grpc<T>, method: &'static str) -> Result<Vec<Image>, Status>
where
    T: GrpcService<tonic::body::Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
{
    client.ready().await.map_err(|error| Status::unknown(error.into().to_string()))?;
    let codec: ProstCodec<proto::ListImagesRequest, ImageList> = ProstCodec::default();
    let path = PathAndQuery::from_static(method);
    let answer = client.unary(Request::new(proto::ListImagesRequest {}), path, codec).await?;
    Ok(answer.into_inner().images)
}

fn explain(path: &Path, status: &Status, max_bytes: usize, speaks_grpc: bool) -> Failure {
    let shown = path.display();
    let said = visible::excerpt(status.message(), MAX_SAID);
    if !speaks_grpc {
        let cause = format!(
            "the program that listens at {shown} did not answer ListImages as a container runtime does ({said})"
        );
        return Failure::NoRuntime(Error::new(ErrorKind::Malformed, cause, "is that its socket?"));
    }
    match status.code() {
        Code::Unimplemented => Failure::NoRuntime(Error::new(
            ErrorKind::Malformed,
            format!("the service at {shown} has no CRI, neither v1 nor v1alpha2 ({said})"),
            "if it is Docker's containerd, take \"cri\" out of disabled_plugins in /etc/containerd/config.toml and restart it; \
             else set crictl_config.endpoint to the socket of the node's runtime",
        )),
        Code::OutOfRange | Code::ResourceExhausted => Failure::Runtime(Error::new(
            ErrorKind::Malformed,
            format!("the list of images from {shown} is larger than {max_bytes} bytes ({said})"),
            "limits_config.max_crictl_bytes sets the limit",
        )),
        Code::PermissionDenied | Code::Unauthenticated => Failure::Runtime(Error::new(
            ErrorKind::Denied,
            format!("the container runtime at {shown} refused ListImages ({said})"),
            "see its logs",
        )),
        code => Failure::Runtime(Error::new(
            ErrorKind::Unavailable,
            format!("the container runtime at {shown} answered ListImages with an error ({code:?}: {said})"),
            "see its logs",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_named_with_the_reason() {
        let error = io::ErrorKind::ConnectionRefused.into();
        let Failure::NoRuntime(error) = closed(Path::new("/run/a.sock"), &error).await else { panic!("{error}") };
        assert!(
            error.to_string().starts_with("the socket /run/a.sock can't be opened (connection refused)"),
            "{error}"
        );
    }

    #[test]
    fn an_error_of_the_runtime_is_told_as_such() {
        let explained =
            |code, speaks_grpc| explain(Path::new("/run/a.sock"), &Status::new(code, "no disk"), 1, speaks_grpc);
        for code in [Code::Unknown, Code::Internal, Code::Unavailable, Code::Cancelled, Code::FailedPrecondition] {
            let Failure::Runtime(error) = explained(code, true) else { panic!("{code}") };
            assert!(
                error.to_string().contains(&format!("answered ListImages with an error ({code:?}: no disk)")),
                "{error}"
            );
            let Failure::NoRuntime(error) = explained(code, false) else { panic!("{code}") };
            assert!(error.to_string().ends_with("is that its socket?"), "{error}");
        }
        let said = Status::new(Code::Internal, format!("\u{1b}[2J\n{}", "x".repeat(1000)));
        let Failure::Runtime(error) = explain(Path::new("/run/a.sock"), &said, 1, true) else { panic!("{said}") };
        let error = error.to_string();
        assert!(error.contains("Internal: \\u{1b}[2J\\nxxx") && error.len() < 500, "{error}");
    }
}
