//! Lists: pages, filters and orders.

use super::{Double, column, names};
use image_service_tests::harbor::{PASSWORD, Timestamp, USER};
use image_service_tests::{Artifact, Fault, Harbor, HarborBuilder, Version};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn harbor() -> HarborBuilder {
    Harbor::of(Version::V2_16).repository("a/one", 25).repository("a/two", 3).repository("b/three", 0)
}

async fn total(double: &Double, path: &str) -> String {
    double.get(path).await.headers()["x-total-count"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn pages_have_at_most_100_rows_and_name_their_neighbours() {
    let path = "/projects/a/repositories/one/artifacts";
    let double = Double::start(harbor()).await;
    assert_eq!(double.refusal(&format!("{path}?page_size=101"), Some((USER, PASSWORD))).await.0, 422);
    assert_eq!(double.refusal(&format!("{path}?page_size=ten"), Some((USER, PASSWORD))).await.0, 422);
    let middle = double.get(&format!("{path}?page_size=10&page=2&q=tags%3D*")).await;
    assert_eq!(middle.headers()["x-total-count"], "25");
    let page = |number| format!("/api/v2.0{path}?page={number}&page_size=10&q=tags=*");
    assert_eq!(middle.headers()["link"], format!("<{}>; rel=\"prev\" , <{}>; rel=\"next\"", page(1), page(3)));
    let rows: Value = middle.json().await.unwrap();
    assert_eq!(column(&rows, "push_time")[0], "2025-01-01T00:00:14.000Z");
    let last = double.get(&format!("{path}?page=3&page_size=10")).await;
    assert!(!last.headers()["link"].to_str().unwrap().contains("next"));
    assert_eq!(double.json(&format!("{path}?page=4&page_size=10")).await, json!([]));
}

#[tokio::test]
async fn a_push_shifts_the_rows_behind_it() {
    let double = Double::start(harbor()).await;
    let page = "/projects/a/repositories/one/artifacts?page_size=10&page=2";
    let before = column(&double.json(page).await, "digest");
    double.0.push("a/one").await;
    let after = column(&double.json(page).await, "digest");
    assert_eq!(before[..9], after[1..]);
}

#[tokio::test]
async fn filters_take_ranges_and_ignore_what_they_do_not_know() {
    let double = Double::start(harbor()).await;
    let of = async |q: &str| names(&double.json(&format!("/repositories?q={q}&sort=repository_id")).await);
    assert_eq!(of("repository_id=[2~]").await, ["a/two", "b/three"]);
    assert_eq!(of("repository_id=[~2]").await, ["a/one", "a/two"]);
    assert_eq!(of("repository_id=[2~2],name=~t").await, ["a/two"]);
    assert_eq!(of("name={a/one%20b/three}").await, ["a/one", "b/three"]);
    for ignored in ["nonsense=1", "repository_id=[two~]", "update_time=[2026-01-01T00:00:00Z~]", "artifact_count=3"] {
        assert_eq!(of(ignored).await.len(), 3, "{ignored}");
    }
    for refused in ["nonsense", "=1", "name=", "name=~", "repository_id=[2]", "repository_id=[~]", "name={a"] {
        let path = format!("/repositories?q={refused}");
        assert_eq!(double.refusal(&path, Some((USER, PASSWORD))).await, (400, "BAD_REQUEST".into()), "{refused}");
    }
}

#[tokio::test]
async fn a_range_of_update_times_includes_its_beginning_and_may_be_cut_to_the_second() {
    let double = Double::start(harbor()).await;
    let rows = double.json("/repositories?sort=-update_time").await;
    let newest = rows[0]["update_time"].as_str().unwrap().to_owned();
    for beginning in [newest.trim_end_matches('Z'), &newest[.."2026-01-01T00:00:00".len()]] {
        let changed = double.json(&format!("/repositories?q=update_time=[{beginning}~]")).await;
        assert_eq!(names(&changed), [rows[0]["name"].as_str().unwrap()]);
    }
    let later = Timestamp::parse(&newest).unwrap().plus(Duration::from_secs(1)).to_string();
    assert_eq!(total(&double, &format!("/repositories?q=update_time=[{}~]", later.trim_end_matches('Z'))).await, "0");
}

#[tokio::test]
async fn rows_come_in_the_order_that_was_asked_for() {
    let double = Double::start(harbor()).await;
    let by = async |sort: &str| names(&double.json(&format!("/repositories?sort={sort}")).await);
    assert_eq!(by("repository_id").await, ["a/one", "a/two", "b/three"]);
    assert_eq!(by("-name").await, ["b/three", "a/two", "a/one"]);
    assert_eq!(by("nonsense").await, ["b/three", "a/two", "a/one"], "the youngest first");
    let oldest = double.json("/projects/a/repositories/two/artifacts?sort=push_time").await;
    assert_eq!(column(&oldest, "push_time")[0], "2025-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn artifacts_are_filtered_by_tags() {
    let artifacts = vec![Artifact::numbered(7), Artifact::numbered(1).untagged()];
    let double = Double::start(harbor().repository("a/mixed", artifacts)).await;
    for list in ["/projects/a/repositories/mixed/artifacts", "/projects/a/artifacts"] {
        let others = if list.contains("mixed") { 0 } else { 28 };
        assert_eq!(total(&double, list).await, (2 + others).to_string());
        assert_eq!(total(&double, &format!("{list}?q=tags=*")).await, (1 + others).to_string());
        assert_eq!(total(&double, &format!("{list}?q=tags=nil")).await, "1");
        assert_eq!(total(&double, &format!("{list}?q=tags=v7")).await, if others == 0 { "1" } else { "2" });
    }
}

#[tokio::test]
async fn a_number_is_an_id_unless_the_request_says_that_it_is_a_name() {
    let double = Double::start(harbor().repository("b/app", 1).repository("2/numeric", 1)).await;
    let robot = Some((USER, PASSWORD));
    let by_name = [("X-Is-Resource-Name", "true")];
    let repository = async |path: &str, headers: &[(&str, &str)]| {
        let rows: Value = double.get_as(path, robot, headers).await.json().await.unwrap();
        rows[0]["repository_name"].as_str().unwrap().to_owned()
    };
    assert_eq!(repository("/projects/2/artifacts", &[]).await, "b/app");
    assert_eq!(repository("/projects/2/artifacts", &by_name).await, "2/numeric");
    assert_eq!(double.json("/projects/2").await["name"], "b");
    // A path with repositories has a name and never an id.
    assert_eq!(names(&double.json("/projects/2/repositories").await), ["2/numeric"]);
    assert_eq!(repository("/projects/2/repositories/numeric/artifacts", &[]).await, "2/numeric");
}

#[tokio::test]
async fn the_images_of_an_index_are_no_rows_and_answer_by_digest() {
    let index = Artifact::index(1, &["amd64", "arm64"]).tagged("1.0");
    let child = index.children[1].digest.clone();
    let double = Double::start(harbor().repository("a/multi", vec![index])).await;
    let rows = double.json("/projects/a/repositories/multi/artifacts").await;
    assert_eq!(column(&rows[0]["references"], "child_digest")[1], child);
    assert_eq!((rows.as_array().unwrap().len(), rows[0]["size"].as_u64()), (1, Some(3_000_500)));
    let found = double.json(&format!("/projects/a/repositories/multi/artifacts/{child}")).await;
    assert_eq!(found["extra_attrs"]["architecture"], "arm64");
}

/// What page 2 of a list comes to with a fault: its total, and the numbers of its rows.
async fn second_page(fault: Fault) -> (String, Value) {
    let double = Double::start(harbor().fault("/artifacts", fault)).await;
    let answer = double.get("/projects/a/repositories/one/artifacts?page=2&page_size=10").await;
    let total = answer.headers()["x-total-count"].to_str().unwrap().to_owned();
    (total, answer.json().await.unwrap())
}

#[tokio::test]
async fn a_short_page_lacks_rows_that_its_total_announces() {
    let (total, rows) = second_page(Fault::Short(3)).await;
    assert_eq!((total.as_str(), rows.as_array().unwrap().len()), ("25", 7));
    let (total, rows) = second_page(Fault::Short(100)).await;
    assert_eq!((total.as_str(), rows), ("25", json!([])));
}

#[tokio::test]
async fn a_thin_page_lacks_tags_and_counts() {
    let (_, rows) = second_page(Fault::Thin).await;
    assert!(column(&rows, "tags").iter().all(Value::is_null));
    assert_eq!(rows.as_array().unwrap().len(), 10);
    let double = Double::start(harbor().fault("/", Fault::Thin)).await;
    assert_eq!(column(&double.json("/repositories").await, "artifact_count"), [0, 0, 0]);
    assert_eq!(column(&double.json("/projects").await, "repo_count"), [0, 0]);
}

#[tokio::test]
async fn a_list_without_rows_tells_of_none() {
    assert_eq!(second_page(Fault::NoRows).await, ("0".to_owned(), json!([])));
    assert_eq!(second_page(Fault::Null).await, ("25".to_owned(), Value::Null));
    assert_eq!(second_page(Fault::EncodedOnceMore).await.1.as_array().unwrap().len(), 10, "nothing was encoded");
    let nested = harbor().repository("a/x/y", 3).fault("/artifacts", Fault::EncodedOnceMore);
    let double = Double::start(nested).await;
    assert_eq!(double.json("/projects/a/repositories/x%252Fy/artifacts").await, json!([]));
}

#[tokio::test]
async fn a_repeated_row_stands_in_place_of_another() {
    let (_, right) = second_page(Fault::Times(0, Box::new(Fault::Repeated))).await;
    let (_, repeated) = second_page(Fault::Repeated).await;
    assert_eq!(repeated[0]["tags"][0]["name"], "v15", "the last of the page before");
    assert_eq!(repeated.as_array().unwrap()[1..], right.as_array().unwrap()[1..]);
}

#[tokio::test]
async fn postgresql_refuses_connections_as_often_as_a_test_asks() {
    let set = Arc::new(AtomicBool::new(false));
    let twice = Fault::Times(2, Box::new(Fault::While(Arc::clone(&set), Box::new(Fault::TooManyClients))));
    let double = Double::start(harbor().fault("/projects", twice)).await;
    assert_eq!(double.get("/projects").await.status(), 200);
    set.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(double.refusal("/projects", Some((USER, PASSWORD))).await, (500, "UNKNOWN".into()));
    }
    assert_eq!(double.get("/projects").await.status(), 200);
}
