//! A node for demonstrations: the images of a small team's node, without a node.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../../wit/internal"],
        world: "image-service:internal/sample-crictl-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Failure, Guest, Image};

allocator::install!();

struct SampleCrictl;

impl Guest for SampleCrictl {
    fn images() -> Result<Vec<Image>, Failure> {
        Ok(sample_data::images())
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleCrictl;
    super::bindings::export!(SampleCrictl with_types_in super::bindings);
}
