//! A filter of an operator: passes on the rows of one registry only, whatever images_to_ignore.txt says.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "filter-component", generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::containerd;

struct PickyFilter;

impl Guest for PickyFilter {
    async fn images() -> (Vec<Image>, Vec<SourceError>) {
        let (mut images, errors) = containerd::images().await;
        images.retain(|image| image.repository.as_deref().is_some_and(|repository| repository.starts_with("quay.io/")));
        (images, errors)
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::PickyFilter;
    super::bindings::export!(PickyFilter with_types_in super::bindings);
}
