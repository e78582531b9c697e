//! Times from outside, however long: in config.json, and in the answers of Harbor.

use crate::listing::{assert_says, assert_whole, list, numbered, only_harbor_error, with};
use http::Method;
use image_service_tests::{Fault, Harbor, Node, Version, repository};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

/// The keys of time limits, and what is allowed.
const LIMITS: [&str; 8] = [
    "app_config.response_timeout",
    "app_config.shutdown_timeout",
    "crictl_config.timeout",
    "harbor_config.listing_timeout",
    "harbor_config.timeout",
    "limits_config.answer_timeout",
    "limits_config.client_timeout",
    "limits_config.header_timeout",
];
/// The keys of whole seconds.
const LIFETIMES: [&str; 5] = [
    "cache_config.lifetime",
    "cache_config.stale_if_error",
    "cache_config.stale_while_revalidate",
    "compare_config.refresh",
    "harbor_config.full_listing_interval",
];

/// Asserts that the program does not start with this value of a key, and says all of this in one line.
async fn assert_is_refused(key: &str, value: &str, parts: &[&str]) {
    let (section, name) = key.split_once('.').unwrap();
    let node = Node::builder().build().unwrap();
    node.write("config.json", format!(r#"{{"{section}": {{"{name}": {value}}}}}"#)).unwrap();
    let outcome = node.launch().refusal().await.unwrap();
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(2), 1), "{key} {value}: {}", outcome.stderr);
    assert_says(&outcome.stderr, parts);
}

#[tokio::test]
async fn a_time_limit_that_no_clock_can_hold_is_refused_with_its_key_its_value_and_what_is_allowed() {
    for key in LIMITS {
        for (value, shown) in [
            ("1e19", "1e19"),
            ("9223372036854775807", "9.223372036854776e18"),
            ("1000000001", "1000000001.0"),
            ("0", "0.0"),
            ("-1", "-1.0"),
            ("1e-300", "1e-300"),
        ] {
            assert_is_refused(key, value, &[&format!("{key} is {shown}; it can be 0.001 to 1000000000 seconds")]).await;
        }
    }
}

#[tokio::test]
async fn a_lifetime_that_is_no_whole_number_of_seconds_is_refused_with_what_is_allowed() {
    for key in LIFETIMES {
        for (value, shown) in [("1e19", "1e+19"), ("-1", "-1"), ("4294967296", "4294967296")] {
            let allowed = "expected a whole number of seconds from 0 to 4294967295";
            assert_is_refused(key, value, &[&format!("{key}: invalid value: "), shown, allowed]).await;
        }
    }
}

#[tokio::test]
async fn a_time_that_is_no_number_of_json_is_refused_with_its_place() {
    for key in LIMITS.iter().chain(&LIFETIMES) {
        assert_is_refused(key, "1e400", &[&format!("{key}: number out of range at line 1 column ")]).await;
        assert_is_refused(key, "NaN", &["not valid JSON: expected value at line 1 column "]).await;
    }
}

#[test]
fn these_tests_try_all_keys_of_times() {
    let mut keys = BTreeSet::new();
    for entry in std::fs::read_dir(repository("crates/config/src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let calls = text.split("duration::limit(").skip(1).filter_map(|call| call.split('"').nth(1));
        keys.extend(calls.map(str::to_owned));
        let section = path.file_stem().unwrap().to_str().unwrap();
        let lifetimes = text.lines().filter_map(|line| line.trim().strip_suffix(": Option<Seconds>,"));
        keys.extend(lifetimes.map(|name| format!("{section}_config.{name}")));
    }
    let tried: BTreeSet<String> = LIMITS.iter().chain(&LIFETIMES).map(ToString::to_string).collect();
    assert_eq!(keys, tried);
}

/// A config with this value of each time limit.
fn all_limits(value: f64) -> Value {
    let mut config = json!({});
    for key in LIMITS {
        let (section, name) = key.split_once('.').unwrap();
        config[section][name] = value.into();
    }
    config
}

#[tokio::test]
async fn a_program_whose_limits_are_the_longest_ones_answers_and_ends_as_ever() {
    let harbor =
        Harbor::of(Version::V2_12).repository("a/b", 3).fault("/projects?", Fault::Times(1, Fault::Reset.into()));
    let harbor = harbor.start().await.unwrap();
    let node = Node::builder().one_image().harbor(&harbor).config(all_limits(1e9));
    let mut program = node.start().unwrap();
    for _ in 0..2 {
        let again = program.request(Method::GET, "/images", &[("cache-control", "no-cache")]).await.unwrap();
        let images = again.json().await.unwrap();
        assert_whole(&images, &numbered("a/b", 3));
    }
    assert_eq!(program.metrics().await.unwrap().get("image_service_panics_total"), Some(0.0));
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn however_long_harbor_asks_to_wait_the_answer_has_an_error_of_harbor_at_once_and_the_rows_of_the_node() {
    // Sat, 31 Dec 9999: the last date that the header can have.
    let last = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(253_402_214_400)).unwrap();
    let i64_max = i64::MAX.cast_unsigned();
    for fault in [Fault::RetryAfter(i64_max), Fault::RetryAfter(u64::MAX), Fault::RetryAt(last)] {
        let shown = format!("{fault:?}");
        let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).fault("/projects?", fault).start().await.unwrap();
        let started = Instant::now();
        let images = list(with(harbor.config(), "timeout", 20)).await;
        assert_says(only_harbor_error(&images), &["Harbor answered 429", "try again after"]);
        assert!(started.elapsed() < Duration::from_secs(10), "{shown}: {:?}", started.elapsed());
        assert_eq!(harbor.count("/projects?"), 1, "{shown}");
    }
}
