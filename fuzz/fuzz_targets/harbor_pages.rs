//! Harbor's answers: bodies, totals, links and failures in any order.

#![no_main]
#![forbid(unsafe_code)]

use image_service_fuzz::harbor::{Script, assert_listing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: Script| assert_listing(&script));
