//! Somebody's own filter: passes on the rows of one registry only, whatever images_to_ignore.txt says.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "filter-component", generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::containerd;

struct PickyFilter;

impl Guest for PickyFilter {
    async fn images() -> (Vec<Image>, Vec<SourceError>) {
        let (images, errors) = containerd::images().await;
        let wanted = |image: &containerd::Image| {
            image.repository.as_deref().is_some_and(|repository| repository.starts_with("quay.io/"))
        };
        (images.into_iter().filter(wanted).map(pass_on).collect(), errors)
    }
}

fn pass_on(image: containerd::Image) -> Image {
    Image { id: image.id, repository: image.repository, tag: image.tag, size: image.size }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::PickyFilter;
    super::bindings::export!(PickyFilter with_types_in super::bindings);
}
