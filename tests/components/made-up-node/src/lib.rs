//! A node in memory, for benches. It has as many images as may be listed.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/internal"],
        world: "image-service:internal/sample-crictl-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Failure, Guest, Image};
use image_model::limits::MAX_IMAGES;

allocator::install!();

struct MadeUpNode;

impl Guest for MadeUpNode {
    fn images() -> Result<Vec<Image>, Failure> {
        Ok(bench_inventory::node(MAX_IMAGES))
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpNode;
    super::bindings::export!(MadeUpNode with_types_in super::bindings);
}
