//! A node with 10,000 images, as many as are listed, in memory: for benches.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "sample-crictl-component", async: false, generate_all });
}

use bindings::exports::image_service::inventory::crictl::{Error, Guest, Image};

allocator::install!();

struct MadeUpNode;

const IMAGES: usize = 10_000;

impl Guest for MadeUpNode {
    fn images() -> Result<Vec<Image>, Error> {
        let images = bench_inventory::node(IMAGES).into_iter();
        Ok(images
            .map(|image| Image {
                id: image.id,
                repo_tags: image.repo_tags,
                repo_digests: image.repo_digests,
                size: image.size,
                pinned: image.pinned,
            })
            .collect())
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpNode;
    super::bindings::export!(MadeUpNode with_types_in super::bindings);
}
