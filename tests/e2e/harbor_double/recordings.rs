//! Answer by answer: the double gives what Harbor 2.8.4, 2.12.4 and 2.16.0 gave to the same requests.

use super::Double;
use image_service_tests::Version;
use image_service_tests::harbor::{Recorded, Recording};
use serde_json::Value;

/// Fields that are not compared: the beginning of the request, the field, and why.
const LEFT_OUT: &[(&str, &[&str], &str)] = &[
    ("/systeminfo", &["current_time"], "the time of the recording"),
    ("/systeminfo", &["external_url"], "the address of the recorded Harbor"),
    ("/systeminfo", &["registry_url"], "the address of the recorded Harbor"),
    ("/projects", &["cve_allowlist", "id"], "a sequence of PostgreSQL's, which nobody uses"),
    ("/projects", &["metadata", "retention_id"], "the double has no retention policies"),
    ("/statistics", &["total_storage_consumption"], "the double has no layers to count"),
    ("/registries", &["name"], "the double has one upstream registry, without a history"),
    ("/registries", &["url"], "the same"),
    ("/registries", &["creation_time"], "the same"),
    ("/registries", &["update_time"], "the same"),
];

#[tokio::test]
async fn the_double_answers_as_harbor_2_8_did() {
    assert_answers_as_recorded(Version::V2_8).await;
}

#[tokio::test]
async fn the_double_answers_as_harbor_2_12_did() {
    assert_answers_as_recorded(Version::V2_12).await;
}

#[tokio::test]
async fn the_double_answers_as_harbor_2_16_did() {
    assert_answers_as_recorded(Version::V2_16).await;
}

#[test]
fn each_field_that_is_not_compared_was_recorded() {
    let recordings = [Version::V2_8, Version::V2_12, Version::V2_16].map(|version| Recording::of(version).unwrap());
    for (request, field, _) in LEFT_OUT {
        let answers = recordings.iter().flat_map(|recording| &recording.answers);
        let mut of_request = answers.filter(|answer| answer.request.starts_with(request));
        assert!(of_request.any(|answer| remove(&mut answer.body.clone(), field)), "{request} has no {field:?}");
    }
}

async fn assert_answers_as_recorded(version: Version) {
    let recording = Recording::of(version).unwrap();
    assert_eq!(recording.answers.len(), 72);
    let double = Double::start(recording.harbor().unwrap()).await;
    let mut differences = Vec::new();
    for recorded in &recording.answers {
        differences.extend(difference(&double, recorded).await);
    }
    assert!(differences.is_empty(), "{} answers differ\n{}", differences.len(), differences.join("\n"));
}

/// In what the double's answer differs from a recorded one.
async fn difference(double: &Double, recorded: &Recorded) -> Option<String> {
    let headers: Vec<(&str, &str)> =
        recorded.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = double.get_as(&recorded.request, Recording::login(&recorded.caller), &headers).await;
    let what = format!("{} as {}", recorded.request, recorded.caller);
    if answer.status() != recorded.status {
        return Some(format!("{what}: {} instead of {}", answer.status(), recorded.status));
    }
    for name in ["Content-Type", "Link", "X-Total-Count"] {
        let (given, expected) = (answer.headers().get(name), recorded.response_headers.get(name));
        if given.map(|value| value.to_str().unwrap()) != expected.map(String::as_str) {
            return Some(format!("{what}: {name} is {given:?} instead of {expected:?}"));
        }
    }
    let (mut given, mut expected): (Value, Value) = (answer.json().await.unwrap(), recorded.body.clone());
    cut_as_recorded(&mut given, &mut expected);
    for (request, field, _) in LEFT_OUT {
        if recorded.request.starts_with(request) {
            remove(&mut given, field);
            remove(&mut expected, field);
        }
    }
    (given != expected).then(|| format!("{what}: {}", first_difference(&given, &expected, "body")))
}

/// Cuts a list as the recorded one was cut, if it was and as many rows are behind.
fn cut_as_recorded(given: &mut Value, recorded: &mut Value) {
    let (Some(given), Some(recorded)) = (given.as_array_mut(), recorded.as_array_mut()) else { return };
    let Some(mark) = recorded.last().and_then(|last| last.get("…")) else { return };
    let kept = recorded.len() - 1;
    if *mark == format!("{} more", given.len().saturating_sub(kept)) {
        recorded.truncate(kept);
        given.truncate(kept);
    }
}

/// Removes a field from an object or from each row of a list. Says whether it was there.
fn remove(body: &mut Value, field: &[&str]) -> bool {
    match (body, field) {
        (Value::Array(rows), _) => rows.iter_mut().map(|row| remove(row, field)).filter(|removed| *removed).count() > 0,
        (Value::Object(object), [name]) => object.remove(*name).is_some(),
        (Value::Object(object), [name, rest @ ..]) => object.get_mut(*name).is_some_and(|inner| remove(inner, rest)),
        _ => false,
    }
}

fn first_difference(given: &Value, expected: &Value, at: &str) -> String {
    match (given, expected) {
        (Value::Array(given), Value::Array(expected)) if given.len() == expected.len() => {
            let mut pairs = given.iter().zip(expected).enumerate().filter(|(_, (given, expected))| given != expected);
            pairs.next().map_or_else(String::new, |(row, (given, expected))| {
                first_difference(given, expected, &format!("{at}[{row}]"))
            })
        }
        (Value::Object(given), Value::Object(expected)) => {
            let keys = given.keys().chain(expected.keys());
            let mut different = keys.filter(|key| given.get(*key) != expected.get(*key));
            different.next().map_or_else(String::new, |key| match (given.get(key), expected.get(key)) {
                (Some(given), Some(expected)) => first_difference(given, expected, &format!("{at}.{key}")),
                (given, expected) => format!("{at}.{key} is {given:?} instead of {expected:?}"),
            })
        }
        _ => format!("{at} is {given} instead of {expected}"),
    }
}
