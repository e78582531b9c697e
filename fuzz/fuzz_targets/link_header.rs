//! The header `Link` of Harbor's lists.

#![no_main]
#![forbid(unsafe_code)]

use image_service_fuzz::harbor::{Script, assert_listing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|link: &str| assert_listing(&Script::with_link(link)));
