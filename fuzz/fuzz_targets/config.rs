//! config.json, read by the host's own module.

#![no_main]
#![forbid(unsafe_code)]

use host::config;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::path::Path;

// The whole host depends on wasmtime, which takes ten minutes to build with counters. Its config does not.
#[allow(dead_code, unused_imports, reason = "the host uses more of it")]
#[path = "../../host/src"]
mod host {
    pub(crate) mod config;
}

/// What the config asks of the host's `crictl`.
mod crictl {
    use std::path::PathBuf;

    pub(crate) fn socket_path(endpoint: &str) -> Option<PathBuf> {
        endpoint.strip_prefix("unix://").filter(|path| path.starts_with('/')).map(PathBuf::from)
    }
}

/// What the config asks of the host's `outbound`.
mod outbound {
    pub(crate) struct Origin;

    impl Origin {
        pub(crate) fn of(text: &str) -> anyhow::Result<Self> {
            let url = url::Url::parse(text)?;
            anyhow::ensure!(url.username().is_empty() && url.password().is_none(), "it holds a user or password");
            Ok(Self)
        }
    }
}

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
