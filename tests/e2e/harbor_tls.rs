//! Harbor over TLS: whom the program trusts, and how it uses connections.

use crate::listing::{assert_says, assert_whole, harbor_rows, list, numbered, only_harbor_error, start, with};
use http::Version as Http;
use image_service_tests::harbor::config_for;
use image_service_tests::{Authority, Harbor, HarborBuilder, Version};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// A Harbor with a certificate for these names, and the folder with its authority's certificate `ca.pem`.
async fn harbor(names: &[&str]) -> (TempDir, Harbor) {
    let (folder, authority) = authority();
    (folder, plain().tls(authority.server(names).unwrap()).start().await.unwrap())
}

fn authority() -> (TempDir, Authority) {
    let authority = Authority::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    authority.write(&folder.path().join("ca.pem")).unwrap();
    (folder, authority)
}

fn plain() -> HarborBuilder {
    Harbor::of(Version::V2_8).repository("a/b", 3).repository("a/c", 250)
}

fn with_ca_file(harbor: &Harbor, folder: &Path) -> Value {
    with(harbor.config(), "ca_file", folder.join("ca.pem").to_str())
}

fn assert_lists_all(images: &Value) {
    assert_whole(images, &[numbered("a/b", 3), numbered("a/c", 250)].concat());
}

/// Asserts that there are no rows of Harbor's, and one error that says all of this.
fn assert_costs_all(images: &Value, parts: &[&str]) {
    assert_eq!(harbor_rows(images).len(), 0);
    assert_says(only_harbor_error(images), parts);
}

/// Asserts that the program did not trust the certificate, says this about it, and did not send the login.
fn assert_is_not_trusted(harbor: &Harbor, images: &Value, parts: &[&str]) {
    assert_costs_all(images, &["GET https://", "certificate"]);
    assert_costs_all(images, parts);
    assert_eq!(harbor.requests().len(), 0, "the login may not be sent");
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_ca_file_names_it() {
    let (folder, harbor) = harbor(&["127.0.0.1", "localhost"]).await;
    assert_lists_all(&list(with_ca_file(&harbor, folder.path())).await);
    let by_name = harbor.url.replace("127.0.0.1", "localhost");
    assert_lists_all(&list(with(with_ca_file(&harbor, folder.path()), "url", by_name)).await);
}

#[tokio::test]
async fn a_private_authority_without_ca_file_is_one_error_that_names_the_key() {
    let (_folder, harbor) = harbor(&["127.0.0.1"]).await;
    assert_is_not_trusted(&harbor, &list(harbor.config()).await, &["harbor_config.ca_file"]);
}

#[tokio::test]
async fn another_authority_than_that_of_ca_file_is_not_trusted() {
    let (_folder, harbor) = harbor(&["127.0.0.1"]).await;
    let (folder, _another) = authority();
    assert_is_not_trusted(&harbor, &list(with_ca_file(&harbor, folder.path())).await, &[]);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (folder, harbor) = harbor(&["harbor.example.com"]).await;
    let images = list(with_ca_file(&harbor, folder.path())).await;
    // The program trusts the authority already: the advice has to be another one.
    assert_is_not_trusted(&harbor, &images, &["harbor_config.url", "name"]);
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let (folder, authority) = authority();
    let harbor = plain().tls(authority.expired_server(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    let images = list(with_ca_file(&harbor, folder.path())).await;
    assert_is_not_trusted(&harbor, &images, &["expired", "renew"]);
}

#[tokio::test]
async fn https_where_harbor_speaks_plain_http_is_one_error_that_names_the_url() {
    let harbor = plain().start().await.unwrap();
    let images = list(config_for(&harbor.url.replace("http:", "https:"))).await;
    assert_costs_all(&images, &["GET https://", "harbor_config.url"]);
}

#[tokio::test]
async fn plain_http_where_harbor_speaks_https_is_one_error_that_names_the_url() {
    let (_folder, harbor) = harbor(&["127.0.0.1"]).await;
    let images = list(config_for(&harbor.url.replace("https:", "http:"))).await;
    assert_costs_all(&images, &["GET http://", "harbor_config.url"]);
}

#[tokio::test]
async fn without_verify_ssl_any_certificate_does() {
    for name in ["127.0.0.1", "harbor.example.com"] {
        let (_folder, harbor) = harbor(&[name]).await;
        assert_lists_all(&list(with(harbor.config(), "verify_ssl", false)).await);
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered_over_one_connection() {
    let (folder, harbor) = harbor(&["127.0.0.1"]).await;
    let program = start(with_ca_file(&harbor, folder.path()));
    for _ in 0..5 {
        assert_lists_all(&program.images().await.unwrap());
    }
    let requests = harbor.requests();
    assert!(requests.len() > 30, "{}", requests.len());
    assert!(requests.iter().all(|request| request.version == Http::HTTP_2), "{requests:#?}");
    assert_eq!(harbor.connections(), 1);
}

#[tokio::test]
async fn http_1_1_connections_are_kept() {
    let harbor = plain().start().await.unwrap();
    let program = start(harbor.config());
    for _ in 0..5 {
        assert_lists_all(&program.images().await.unwrap());
    }
    let requests = harbor.requests();
    assert!(requests.len() > 30, "{}", requests.len());
    assert!(requests.iter().all(|request| request.version == Http::HTTP_11), "{requests:#?}");
    // As many as there may be requests at a time.
    assert!((1..=8).contains(&harbor.connections()), "{}", harbor.connections());
}
