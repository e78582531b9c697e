//! Times from outside: the header `Retry-After` of Harbor, and the times of config.json.

#![no_main]
#![forbid(unsafe_code)]

use image_service_config::duration::{self, LONGEST, SHORTEST_LIMIT};
use image_service_config::{self as config, Config};
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The keys of times in config.json.
const KEYS: [(&str, &str); 13] = [
    ("app_config", "response_timeout"),
    ("app_config", "shutdown_timeout"),
    ("crictl_config", "timeout"),
    ("harbor_config", "timeout"),
    ("harbor_config", "listing_timeout"),
    ("harbor_config", "full_listing_interval"),
    ("limits_config", "header_timeout"),
    ("limits_config", "client_timeout"),
    ("limits_config", "answer_timeout"),
    ("cache_config", "lifetime"),
    ("cache_config", "stale_while_revalidate"),
    ("cache_config", "stale_if_error"),
    ("compare_config", "refresh"),
];

fuzz_target!(|input: (u64, &str)| {
    let (number, text) = input;
    // The config module reads files that the config names, which is not what this target looks at.
    let text = if text.contains(['{', '}', '"', '\\']) { "" } else { text };
    assert_usable(duration::from_secs(number));
    assert_usable(duration::from_millis(number));
    let float = f64::from_bits(number);
    for written in [text, &number.to_string(), &float.to_string(), &format!("{float:e}")] {
        for clock in [SystemTime::UNIX_EPOCH, SystemTime::now(), clock(number)] {
            assert_wait(written, clock);
        }
        for (section, key) in KEYS {
            assert_limits(&format!(r#"{{"{section}": {{"{key}": {written}}}}}"#));
        }
    }
});

/// A clock that is set to any time.
fn clock(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The time has a place on every clock.
fn assert_usable(time: Duration) {
    assert!(time <= LONGEST, "{time:?}");
    assert!(SystemTime::now().checked_add(time).is_some());
    let now = Instant::now();
    assert_eq!(duration::after(now, time), now.checked_add(time).expect("it has a place"));
}

/// The wait is usable, and each whole number of seconds is one.
fn assert_wait(value: &str, now: SystemTime) {
    let is_number = !value.trim().is_empty() && value.trim().bytes().all(|byte| byte.is_ascii_digit());
    match duration::retry_after(value, now) {
        Some(wait) => assert_usable(wait),
        None => assert!(!is_number, "{value:?} is a number of seconds"),
    }
}

/// The file is refused with words, or each of its times is usable.
fn assert_limits(text: &str) {
    match config::parse(text, Path::new("/etc/image-service")) {
        Ok((Config { app, compare, crictl, harbor, limits, .. }, _)) => {
            compare.refresh.into_iter().for_each(assert_usable);
            let times = [app.response_timeout, app.shutdown_timeout, crictl.timeout, harbor.timeout];
            let more = [harbor.listing_timeout, limits.header_timeout, limits.client_timeout, limits.answer_timeout];
            for time in times.into_iter().chain(more) {
                assert!(time >= SHORTEST_LIMIT, "{time:?}");
                assert_usable(time);
            }
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
}
