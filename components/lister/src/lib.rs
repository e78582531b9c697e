//! The lister: asks the node which images it has and gives them as ordered rows.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "lister-component", generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::crictl::{self, Error};
use bindings::{wit_future, wit_stream};
use image_service_format::{crictl as format, node};
use wit_bindgen::{FutureReader, StreamReader};

struct Lister;

impl Guest for Lister {
    async fn images() -> (StreamReader<Image>, FutureReader<Vec<SourceError>>) {
        let (mut rows, rows_reader) = wit_stream::new();
        let (errors, errors_reader) =
            wit_future::new(|| vec![failure("the listing of the node's images ended early".to_owned())]);
        wit_bindgen::spawn(async move {
            let failed = match crictl::images().await {
                Ok(images) => {
                    let images = images.into_iter().map(known).collect();
                    rows.write_all(node::rows(images).into_iter().map(row).collect()).await;
                    vec![]
                }
                Err(error) => vec![failure(message(error))],
            };
            // The consumer asks for errors once the rows have ended.
            drop(rows);
            // It is gone when the client hung up; then nobody is left to tell.
            let _ = errors.write(failed).await;
        });
        (rows_reader, errors_reader)
    }
}

fn known(image: crictl::Image) -> format::Image {
    let crictl::Image { id, repo_tags, repo_digests, size, pinned } = image;
    format::Image { id, repo_tags, repo_digests, size, pinned }
}

fn row(row: node::Row) -> Image {
    Image { id: row.id, repository: row.repository, tag: row.tag, size: row.size }
}

/// What went wrong, in the host's words.
fn message(error: Error) -> String {
    match error {
        Error::Unavailable(message) | Error::Denied(message) | Error::TimedOut(message) | Error::Malformed(message) => {
            message
        }
    }
}

fn failure(message: String) -> SourceError {
    SourceError { repository: None, message }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Lister;
    super::bindings::export!(Lister with_types_in super::bindings);
}
