//! What requests cost, as measured on a real Harbor 2.16 and 2.12.

use super::Double;
use image_service_tests::harbor::{PASSWORD, RequestKind, Role, USER};
use image_service_tests::{Harbor, HarborBuilder, Version};
use std::time::{Duration, Instant};

const ROBOT: Option<(&str, &str)> = Some((USER, PASSWORD));
const ANNA: Option<(&str, &str)> = Some(("anna", "secret"));

/// 20 projects of 100 repositories of 50 artifacts: 100,000 in all.
fn large(version: Version) -> HarborBuilder {
    Harbor::of(version).filled(20, 100, 50).account("anna", "secret", Role::User)
}

/// Milliseconds that a request costs.
async fn cost(double: &Double, path: &str, login: Option<(&str, &str)>) -> u128 {
    double.0.take_costs();
    assert_eq!(double.get_as(path, login, &[]).await.status(), 200);
    double.0.take_costs().total().time.as_millis()
}

#[tokio::test]
async fn requests_cost_what_they_cost_a_harbor_2_16_with_100_000_artifacts() {
    let double = Double::start(large(Version::V2_16)).await;
    let (project, repository) =
        ("/projects/project000/artifacts", "/projects/project000/repositories/repository0000/artifacts");
    assert_eq!(cost(&double, "/projects?page_size=1", None).await, 4);
    assert_eq!(cost(&double, "/projects?page_size=1", ROBOT).await, 5);
    assert_eq!(cost(&double, "/projects?page_size=1", ANNA).await, 105);
    assert_eq!(cost(&double, "/repositories?page_size=100", ROBOT).await, 27);
    assert_eq!(cost(&double, "/repositories?page_size=100&q=update_time=[2999-01-01T00:00:00~]", ROBOT).await, 7);
    assert_eq!(cost(&double, &format!("{project}?page_size=1"), ROBOT).await, 71);
    assert_eq!(cost(&double, &format!("{project}?page_size=100"), ROBOT).await, 105);
    assert_eq!(cost(&double, &format!("{repository}?page_size=1"), ROBOT).await, 5);
    assert_eq!(cost(&double, &format!("{repository}?page_size=100"), ROBOT).await, 17, "50 rows");
}

#[tokio::test]
async fn requests_cost_what_they_cost_a_harbor_2_12_with_100_000_artifacts() {
    let double = Double::start(large(Version::V2_12)).await;
    let (project, repository) =
        ("/projects/project000/artifacts", "/projects/project000/repositories/repository0000/artifacts");
    for login in [ROBOT, ANNA] {
        assert!((10..=20).contains(&cost(&double, "/projects?page_size=1", login).await), "all secrets cost the same");
        assert_eq!(cost(&double, &format!("{project}?page_size=1"), login).await, 115);
        assert_eq!(cost(&double, &format!("{project}?page_size=100"), login).await, 161);
        assert_eq!(cost(&double, &format!("{repository}?page_size=1"), login).await, 12);
        assert_eq!(cost(&double, &format!("{repository}?page_size=100"), login).await, 32);
    }
}

#[tokio::test]
async fn the_list_of_a_project_costs_more_the_more_others_there_are() {
    let mut before = 0;
    for others in [0, 5_000, 50_000, 400_000] {
        let harbor = Harbor::of(Version::V2_16).repository("a/app", 100).repository("b/other", others);
        let double = Double::start(harbor).await;
        let now = cost(&double, "/projects/a/artifacts?page_size=1", ROBOT).await;
        assert!(now > before, "{now} with {others}");
        before = now;
    }
    assert!((200..=268).contains(&before), "{before}");
}

#[tokio::test]
async fn the_cheapest_plan_takes_the_cheaper_road_for_each_project() {
    let ms = |milliseconds: f64| Duration::from_secs_f64(milliseconds / 1000.0);
    let harbor = Harbor::of(Version::V2_16).repositories(20, 1).repository("b/big", 90_000).repository("c/empty", 0);
    let double = Double::start(harbor.account("anna", "secret", Role::User)).await;
    double.json("/systeminfo").await;
    double.json("/projects?page_size=100").await;
    double.json("/projects/b/repositories?page_size=100").await;
    let overview = double.0.take_costs().total().time;
    for number in 0..20 {
        double.json(&format!("/projects/a/repositories/r{number:02}/artifacts?page_size=100")).await;
    }
    let one_by_one = double.0.take_costs().of(RequestKind::ArtifactsOfRepository);
    assert_eq!(one_by_one.count, 20);
    double.json("/projects/a/artifacts?page_size=100").await;
    let whole = double.0.take_costs().of(RequestKind::ArtifactsOfProject).time;
    double.json("/projects/b/repositories/big/artifacts?page_size=100").await;
    let big = double.0.take_costs().total().time * 900;
    let plan = double.0.cheapest_plan(ROBOT).await.unwrap();
    assert!(whole < one_by_one.time);
    assert!(plan.abs_diff(overview + whole + big) < ms(1.0), "{plan:?} is not {overview:?} + {whole:?} + {big:?}");
    let with_password = double.0.cheapest_plan(ANNA).await.unwrap();
    assert!(with_password > plan + ms(90_000.0), "{with_password:?}: 900 requests with a password");
    assert!(double.0.cheapest_plan(Some(("anna", "wrong"))).await.is_err());
}

#[tokio::test]
async fn a_plan_for_nobody_and_for_2_8_reads_repositories() {
    let old = Double::start(Harbor::of(Version::V2_8).repositories(20, 1)).await;
    let new = Double::start(Harbor::of(Version::V2_16).repositories(20, 1)).await;
    assert!(old.0.cheapest_plan(ROBOT).await.unwrap() > new.0.cheapest_plan(ROBOT).await.unwrap());
    assert!(new.0.cheapest_plan(None).await.unwrap() > new.0.cheapest_plan(ROBOT).await.unwrap());
}

/// How long so many requests at a time take a double of this scale.
async fn time_of(double: &Double, count: usize) -> Duration {
    let started = Instant::now();
    let path = "/projects/project000/artifacts?page_size=100";
    futures::future::join_all((0..count).map(|_| double.get(path))).await;
    started.elapsed()
}

#[tokio::test]
async fn two_processors_work_so_more_requests_at_a_time_do_not_get_more() {
    let double = Double::start(large(Version::V2_16).costs(1.0)).await;
    time_of(&double, 1).await;
    double.0.take_costs();
    let took = time_of(&double, 12).await;
    let spent = double.0.take_costs().total();
    assert_eq!(spent.count, 12);
    assert!(took >= spent.time / 2, "{took:?} for {:?}", spent.time);
    let quick = Double::start(large(Version::V2_16).costs(0.25)).await;
    assert!(time_of(&quick, 1).await >= spent.time / 12 / 4);
}

#[tokio::test]
async fn a_wrong_password_costs_a_pause() {
    let double = Double::start(Harbor::of(Version::V2_16).repository("a/app", 1).costs(0.2)).await;
    let started = Instant::now();
    double.get_as("/systeminfo", Some((USER, "wrong")), &[]).await;
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}
