//! A node in memory, for benches. It has as many images as may be listed.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/internal"],
        world: "image-service:internal/sample-crictl-component",
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Error, Guest, Image};
use image_model::limits::MAX_IMAGES;

allocator::install!();

struct MadeUpNode;

impl Guest for MadeUpNode {
    fn images() -> Result<Vec<Image>, Error> {
        Ok(bench_inventory::node(MAX_IMAGES).into_iter().map(Image::from).collect())
    }
}

image_model::convert_crictl_image!(Image);

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpNode;
    super::bindings::export!(MadeUpNode with_types_in super::bindings);
}
