//! The message in which a container runtime lists its images (CRI v1, ListImagesResponse).

#![no_main]
#![forbid(unsafe_code)]

use image_model::types::Image;
use image_service_fuzz::{assert_json_reads_back, assert_rows};
use libfuzzer_sys::fuzz_target;
use prost::Message;

#[allow(dead_code, missing_docs, reason = "generated from proto/cri.proto")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/runtime.v1.rs"));
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(answer) = proto::ListImagesResponse::decode(bytes) else { return };
    let again =
        proto::ListImagesResponse::decode(answer.encode_to_vec().as_slice()).expect("what was read can be written");
    assert_eq!(again, answer);
    let images: Vec<Image> = answer.images.into_iter().map(image).collect();
    assert_rows(&images);
    assert_json_reads_back(&images);
});

fn image(image: proto::Image) -> Image {
    let proto::Image { id, repo_tags, repo_digests, size, pinned } = image;
    Image { id, repo_tags, repo_digests, size, pinned }
}
