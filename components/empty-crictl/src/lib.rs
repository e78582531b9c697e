//! No node: for places without a container runtime, such as a dashboard of the registry alone.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "empty-crictl-component", async: false, generate_all });
}

use bindings::exports::image_service::inventory::crictl::{Error, Guest, Image};

allocator::install!();

struct EmptyCrictl;

impl Guest for EmptyCrictl {
    fn images() -> Result<Vec<Image>, Error> {
        Ok(Vec::new())
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::EmptyCrictl;
    super::bindings::export!(EmptyCrictl with_types_in super::bindings);
}
