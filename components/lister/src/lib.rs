//! The lister: turns the images of the node into ordered rows.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "lister-component",
        with: { "image-service:inventory/types@0.1.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::crictl::{self, Error};
use image_model::node;

allocator::install!();

struct Lister;

impl Guest for Lister {
    fn images() -> (Vec<Image>, Vec<SourceError>) {
        match crictl::images() {
            Ok(images) => {
                let images = images.into_iter().map(image_model::crictl::Image::from).collect();
                (node::rows(images), Vec::new())
            }
            Err(error) => (Vec::new(), vec![SourceError::of_source(message(error))]),
        }
    }
}

image_model::convert_crictl_image!(crictl::Image);

/// The message of an error, which the host wrote.
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
