//! config.json, as the program reads it.

#![no_main]
#![forbid(unsafe_code)]

use image_service_config as config;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::path::Path;

const PASSWORD: &str = "marker-s3cret-0123456789";

fuzz_target!(|text: &str| {
    // The config module reads the files that the config names, and some of the system's files never end.
    if text.contains("_file") && (text.contains("/dev") || text.contains("/proc") || text.contains('\\')) {
        return;
    }
    assert_sound(text);
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return };
    if let Some(harbor) = value.get_mut("harbor_config").and_then(Value::as_object_mut) {
        harbor.insert("password".to_owned(), PASSWORD.into());
        assert_sound(&value.to_string());
    }
});

/// The config is read, with values in their bounds, or refused. No text shows the password.
fn assert_sound(text: &str) {
    match config::parse(text, Path::new("/etc/image-service")) {
        Ok((config, warnings)) => {
            assert!((1..=100).contains(&config.harbor.page_size), "{}", config.harbor.page_size);
            assert!(config.harbor.max_concurrency > 0);
            assert!(!config.harbor.timeout.is_zero() && !config.crictl.timeout.is_zero());
            assert!(config.crictl.ignore_file.is_absolute());
            let shown = format!("{config:?}{warnings:?}");
            assert!(!shown.contains(PASSWORD), "the password is shown: {shown}");
        }
        Err(error) => {
            let shown = format!("{error:#}{error:?}");
            assert!(!shown.is_empty() && !shown.contains(PASSWORD), "the password is shown: {shown}");
        }
    }
}
