//! The message in which a container runtime lists its images (CRI v1, ListImagesResponse).

#![no_main]
#![forbid(unsafe_code)]

use image_model::crictl::Image;
use image_service_fuzz::{assert_json_reads_back, assert_rows};
use libfuzzer_sys::fuzz_target;
use prost::Message;

#[allow(dead_code, missing_docs, reason = "generated from proto/cri.proto")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/runtime.v1.rs"));
}

image_model::convert_crictl_image!(proto::Image);

fuzz_target!(|bytes: &[u8]| {
    let Ok(answer) = proto::ListImagesResponse::decode(bytes) else { return };
    let again =
        proto::ListImagesResponse::decode(answer.encode_to_vec().as_slice()).expect("what was read can be written");
    assert_eq!(again, answer);
    let images: Vec<Image> = answer.images.into_iter().map(Image::from).collect();
    assert_rows(&images);
    assert_json_reads_back(&images);
});
