//! The table that `crictl images` prints.

#![no_main]
#![forbid(unsafe_code)]

use image_model::crictl;
use image_service_fuzz::{assert_json_reads_back, assert_rows};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match crictl::parse_table(text) {
        Ok(images) => {
            for image in &images {
                assert!(!image.id.is_empty() && !image.id.contains(char::is_whitespace), "an id is one word");
            }
            assert_rows(&images);
            assert_json_reads_back(&images);
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && error.to_string().len() < 2_000, "short, and not nothing")
        }
    }
});
