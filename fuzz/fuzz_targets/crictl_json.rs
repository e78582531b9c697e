//! The JSON that `crictl images -o json` prints.

#![no_main]
#![forbid(unsafe_code)]

use image_model::crictl;
use image_service_fuzz::{assert_json_reads_back, assert_rows};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(images) = crictl::parse_json(text) {
        assert_rows(&images);
        assert_json_reads_back(&images);
    }
    if let Ok(images) = crictl::parse(text) {
        assert_rows(&images);
    }
});
