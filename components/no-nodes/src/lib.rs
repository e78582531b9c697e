//! No nodes: for places without a container runtime, such as a dashboard of the registry alone.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "no-nodes-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::node_images::{Guest, NodeListing};

allocator::install!();

struct NoNodes;

impl Guest for NoNodes {
    fn images() -> NodeListing {
        NodeListing::default()
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::NoNodes;
    super::bindings::export!(NoNodes with_types_in super::bindings);
}
