//! A filter of an operator: passes on the images of one registry only, whatever images_to_ignore.txt says.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "filter-component", generate_all });
}

use bindings::exports::image_service::inventory::node_images::{Guest, NodeListing};
use bindings::image_service::inventory::node_images;

struct PickyFilter;

impl Guest for PickyFilter {
    async fn images() -> NodeListing {
        let mut listing = node_images::images().await;
        for group in &mut listing.groups {
            group.images.retain(|image| image.repo_digests.iter().any(|digest| digest.starts_with("quay.io/")));
        }
        listing
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::PickyFilter;
    super::bindings::export!(PickyFilter with_types_in super::bindings);
}
