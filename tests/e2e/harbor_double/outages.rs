//! Harbor while its database, its cache or its core is down, as a real Harbor 2.16 was seen.

use super::{Double, names};
use image_service_tests::harbor::{Outage, PASSWORD, USER};
use image_service_tests::{Harbor, Version, eventually};
use serde_json::Value;
use std::time::{Duration, Instant};

const LOGIN: Option<(&str, &str)> = Some((USER, PASSWORD));

async fn double() -> Double {
    Double::start(Harbor::of(Version::V2_16).repository("open/app", 3).repository("closed/app", 3).private("closed"))
        .await
}

#[tokio::test]
async fn without_its_database_harbor_takes_everybody_for_nobody() {
    let double = double().await;
    assert!(double.json("/systeminfo").await["harbor_version"].is_string());
    double.0.set_outage(Some(Outage::Database));
    let info = double.get("/systeminfo").await;
    assert_eq!(info.status(), 200);
    assert_eq!(info.json::<Value>().await.unwrap().get("harbor_version"), None);
    for path in ["/projects/closed/repositories", "/projects/closed/artifacts", "/users/current"] {
        assert_eq!(double.refusal(path, LOGIN).await, (401, "UNAUTHORIZED".into()), "{path}");
    }
    assert_eq!(double.refusal("/projects", LOGIN).await, (500, "UNKNOWN".into()));
    assert_eq!(double.json("/health").await["status"], "healthy", "for a minute");
    double.0.set_outage(None);
    assert_eq!(names(&double.json("/projects").await), ["closed", "open"]);
}

#[tokio::test]
async fn without_its_cache_harbor_answers_late() {
    let double = double().await;
    double.0.set_outage(Some(Outage::Cache(Duration::from_millis(300))));
    let started = Instant::now();
    assert_eq!(names(&double.json("/projects").await), ["closed", "open"]);
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

#[tokio::test]
async fn while_harbor_restarts_nginx_answers_with_html() {
    let double = double().await;
    double.0.set_outage(Some(Outage::Restarting(Duration::from_millis(500))));
    let answer = double.get("/projects").await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (502, &"text/html".parse().unwrap()));
    let well = async || (double.get("/projects").await.status() == 200).then_some(()).ok_or("not well yet");
    eventually("Harbor after its restart", well).await.unwrap();
}
