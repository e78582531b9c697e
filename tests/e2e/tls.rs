//! Harbor over TLS: whom the program trusts, and how it uses connections.

use crate::registry::{assert_rows, listed, numbered, only_error, started};
use http::Version as Http;
use image_service_tests::{Authority, Harbor, HarborBuilder, Version};
use serde_json::{Value, json};
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
    let mut config = harbor.config();
    config["ca_file"] = json!(folder.join("ca.pem"));
    config
}

fn assert_lists_all(images: &Value) {
    assert_rows(images, &[numbered("a/b", 3), numbered("a/c", 250)].concat());
    assert_eq!(images["errors"], json!([]));
}

fn assert_is_not_trusted(images: &Value) {
    assert_eq!(images["harbor_images"], json!([]));
    let error = only_error(images);
    assert!(error.contains("GET https://") && error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_ca_file_names_it() {
    let (folder, harbor) = harbor(&["127.0.0.1", "localhost"]).await;
    assert_lists_all(&listed(&with_ca_file(&harbor, folder.path())).await);
    let mut config = with_ca_file(&harbor, folder.path());
    config["url"] = json!(harbor.url.replace("127.0.0.1", "localhost"));
    assert_lists_all(&listed(&config).await);
}

#[tokio::test]
async fn a_private_authority_without_ca_file_is_one_error_that_names_the_key() {
    let (_folder, harbor) = harbor(&["127.0.0.1"]).await;
    let images = listed(&harbor.config()).await;
    assert_is_not_trusted(&images);
    assert!(only_error(&images).contains("harbor_config.ca_file"), "{images}");
    assert_eq!(harbor.asked().len(), 0, "the login may not be sent");
}

#[tokio::test]
async fn another_authority_than_that_of_ca_file_is_not_trusted() {
    let (_folder, harbor) = harbor(&["127.0.0.1"]).await;
    let (folder, _another) = authority();
    assert_is_not_trusted(&listed(&with_ca_file(&harbor, folder.path())).await);
    assert_eq!(harbor.asked().len(), 0, "the login may not be sent");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (folder, harbor) = harbor(&["harbor.example.com"]).await;
    let images = listed(&with_ca_file(&harbor, folder.path())).await;
    assert_is_not_trusted(&images);
    assert_eq!(harbor.asked().len(), 0, "the login may not be sent");
    // The authority is trusted already: the advice has to be another one.
    let error = only_error(&images);
    assert!(error.contains("harbor_config.url") && error.contains("name"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let (folder, authority) = authority();
    let harbor = plain().tls(authority.expired_server(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    let images = listed(&with_ca_file(&harbor, folder.path())).await;
    assert_is_not_trusted(&images);
    assert_eq!(harbor.asked().len(), 0, "the login may not be sent");
    let error = only_error(&images);
    assert!(error.contains("expired") && error.contains("renew"), "{error}");
}

#[tokio::test]
async fn https_where_harbor_speaks_plain_http_is_one_error_that_names_the_url() {
    let harbor = plain().start().await.unwrap();
    let mut config = harbor.config();
    config["url"] = json!(harbor.url.replace("http:", "https:"));
    let images = listed(&config).await;
    assert_eq!(images["harbor_images"], json!([]));
    let error = only_error(&images);
    assert!(error.contains("GET https://") && error.contains("harbor_config.url"), "{error}");
}

#[tokio::test]
async fn plain_http_where_harbor_speaks_https_is_one_error_that_names_the_url() {
    let (_folder, harbor) = harbor(&["127.0.0.1"]).await;
    let mut config = harbor.config();
    config["url"] = json!(harbor.url.replace("https:", "http:"));
    let images = listed(&config).await;
    assert_eq!(images["harbor_images"], json!([]));
    let error = only_error(&images);
    assert!(error.contains("GET http://") && error.contains("harbor_config.url"), "{error}");
}

#[tokio::test]
async fn without_verify_ssl_any_certificate_does() {
    for name in ["127.0.0.1", "harbor.example.com"] {
        let (_folder, harbor) = harbor(&[name]).await;
        let mut config = harbor.config();
        config["verify_ssl"] = json!(false);
        assert_lists_all(&listed(&config).await);
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered_over_one_connection() {
    let (folder, harbor) = harbor(&["127.0.0.1"]).await;
    let (_node, program) = started(&with_ca_file(&harbor, folder.path()));
    for _ in 0..5 {
        assert_lists_all(&program.images().await.unwrap());
    }
    let asked = harbor.asked();
    assert!(asked.len() > 30, "{}", asked.len());
    assert!(asked.iter().all(|asked| asked.version == Http::HTTP_2), "{asked:#?}");
    assert_eq!(harbor.connections(), 1);
}

#[tokio::test]
async fn http_1_1_connections_are_kept() {
    let harbor = plain().start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    for _ in 0..5 {
        assert_lists_all(&program.images().await.unwrap());
    }
    let asked = harbor.asked();
    assert!(asked.len() > 30, "{}", asked.len());
    assert!(asked.iter().all(|asked| asked.version == Http::HTTP_11), "{asked:#?}");
    // As many as there may be requests at a time.
    assert!((1..=8).contains(&harbor.connections()), "{}", harbor.connections());
}
