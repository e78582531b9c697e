//! The lister: asks the node which images it has and gives them as ordered rows.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "lister-component", async: false, generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::crictl::{self, Error};
use image_model::{crictl as format, node};

allocator::install!();

struct Lister;

impl Guest for Lister {
    fn images() -> (Vec<Image>, Vec<SourceError>) {
        match crictl::images() {
            Ok(images) => {
                let images = images.into_iter().map(known).collect();
                (node::rows(images).into_iter().map(row).collect(), Vec::new())
            }
            Err(error) => (Vec::new(), vec![SourceError { repository: None, message: message(error) }]),
        }
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

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Lister;
    super::bindings::export!(Lister with_types_in super::bindings);
}
