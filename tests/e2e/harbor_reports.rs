//! What others reported of Harbor, and of proxies before it: no row is lost without an error, and what passes costs nothing.

use crate::listing::{assert_rows, assert_says, assert_whole, errors, harbor_rows, list, node_rows, numbered};
use image_service_tests::harbor::Outage;
use image_service_tests::{Fault, Harbor, HarborBuilder, Version, node_row};
use serde_json::json;
use std::time::Duration;

fn harbor() -> HarborBuilder {
    Harbor::of(Version::V2_16).repository("a/app", 3).repository("a/deep/er/app", 3).repository("b/app", 250)
}

fn all() -> Vec<String> {
    [numbered("a/app", 3), numbered("a/deep/er/app", 3), numbered("b/app", 250)].concat()
}

/// goharbor/harbor#12131
#[tokio::test]
async fn a_proxy_that_encodes_nested_names_once_more_is_an_error_for_each_of_them() {
    let harbor = harbor().fault("deep%252Fer%252Fapp", Fault::EncodedOnceMore).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_rows(&images, &[numbered("a/app", 3), numbered("b/app", 250)].concat());
    let [("harbor", error)] = errors(&images)[..] else { panic!("{}", images["errors"]) };
    assert_eq!(images["errors"][0]["repository"], json!("a/deep/er/app"));
    assert!(error.contains("counts 3 artifacts") || error.contains("Harbor answered"), "{error}");
}

/// goharbor/harbor#17443
#[tokio::test]
async fn a_repository_that_harbor_lists_as_empty_though_it_counts_artifacts_is_looked_at_again() {
    let once = Fault::Times(1, Box::new(Fault::NoRows));
    let harbor = harbor().fault("/a/repositories/app/artifacts", once).start().await.unwrap();
    assert_whole(&list(harbor.config()).await, &all());
    harbor.set_fault(Some(("/a/repositories/app/artifacts", Fault::NoRows)));
    let images = list(harbor.config()).await;
    assert_rows(&images, &[numbered("a/deep/er/app", 3), numbered("b/app", 250)].concat());
    assert_says(errors(&images)[0].1, &["counts 3 artifacts", "listed 0"]);
}

/// goharbor/harbor#14433
#[tokio::test]
async fn a_page_that_repeats_the_one_before_is_looked_at_again() {
    let once = Fault::Times(1, Box::new(Fault::Repeated));
    let harbor = harbor().fault("/b/repositories/app/artifacts?page=2", once).start().await.unwrap();
    assert_whole(&list(harbor.config()).await, &all());
    harbor.set_fault(Some(("/b/repositories/app/artifacts?page=2", Fault::Repeated)));
    let images = list(harbor.config()).await;
    assert_eq!(harbor_rows(&images).len(), 255);
    assert_says(errors(&images)[0].1, &["announces 250 rows and gave 249"]);
}

/// goharbor/harbor#16631
#[tokio::test]
async fn an_error_of_the_database_that_passes_costs_no_row() {
    let twice = Fault::Times(2, Box::new(Fault::TooManyClients));
    let harbor = harbor().fault("/a/repositories/app/artifacts", twice).start().await.unwrap();
    assert_whole(&list(harbor.config()).await, &all());
}

/// goharbor/harbor#13285
#[tokio::test]
async fn a_page_that_comes_without_its_tags_is_looked_at_again() {
    let once = Fault::Times(1, Box::new(Fault::Thin));
    let harbor = harbor().fault("/b/repositories/app/artifacts?page=1", once).start().await.unwrap();
    assert_whole(&list(harbor.config()).await, &all());
}

#[tokio::test]
async fn null_in_place_of_an_empty_list_is_an_empty_list() {
    let harbor = harbor().repository("c/app", 1).fault("/projects/c/repositories?", Fault::Null);
    let harbor = harbor.fault("v2.0/repositories", Fault::Null).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_rows(&images, &all());
    assert_says(errors(&images)[0].1, &["project c: ", "announces 1 rows and gave 0"]);
}

/// Harbor 2.5 takes signatures out of a page after it cut the page.
#[tokio::test]
async fn short_pages_in_mid_list_are_no_end_and_what_is_missing_is_told() {
    let harbor = harbor().fault("/b/repositories/app/artifacts?page=1", Fault::Short(100)).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_eq!(harbor_rows(&images).len(), 156, "the second page and the third are read");
    assert_says(errors(&images)[0].1, &["announces 250 rows and gave 150"]);
}

#[tokio::test]
async fn while_the_database_is_down_the_login_is_not_said_to_be_wrong() {
    let harbor = harbor().private("a").start().await.unwrap();
    harbor.set_outage(Some(Outage::Database));
    let images = list(harbor.config()).await;
    assert_eq!(node_rows(&images), [node_row()]);
    let said: Vec<&str> = errors(&images).into_iter().map(|(_, error)| error).collect();
    assert!(said.iter().any(|error| error.contains("database is down")), "{said:?}");
    harbor.set_outage(None);
    assert_whole(&list(harbor.config()).await, &all());
}

#[tokio::test]
async fn a_cache_that_is_down_makes_harbor_slow_and_costs_nothing() {
    let harbor = harbor().start().await.unwrap();
    harbor.set_outage(Some(Outage::Cache(Duration::from_millis(100))));
    assert_whole(&list(harbor.config()).await, &all());
}
