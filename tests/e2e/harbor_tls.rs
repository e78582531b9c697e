//! Harbor over TLS: whom the program trusts, and how it uses connections.

use crate::listing::{assert_says, assert_whole, harbor_rows, list, numbered, only_harbor_error, start, with};
use http::Version as Http;
use image_service_tests::harbor::config_for;
use image_service_tests::tls::{expired_self_signed, self_signed, server_of_files};
use image_service_tests::{
    Authority, Direction, Harbor, HarborBuilder, NetworkFault, Nginx, Node, Proxy, Version, fixture,
};
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
    let signed = "its certificate is signed by CN=Image Service's tests, which this machine does not know";
    assert_is_not_trusted(&harbor, &list(harbor.config()).await, &[signed, "set harbor_config.ca_file"]);
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
    assert_is_not_trusted(&harbor, &images, &["is for harbor.example.com, and not for 127.0.0.1", "harbor_config.url"]);
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let (folder, authority) = authority();
    let harbor = plain().tls(authority.expired_server(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    let images = list(with_ca_file(&harbor, folder.path())).await;
    assert_is_not_trusted(&harbor, &images, &["its certificate expired on 2001-01-01 00:00:00 UTC", "renew"]);
}

/// A Harbor with a certificate that is its own authority, in `own.pem` of the folder.
async fn self_signed_harbor(names: &[&str]) -> (TempDir, Harbor) {
    let folder = tempfile::tempdir().unwrap();
    let server = self_signed(names, &folder.path().join("own.pem")).unwrap();
    (folder, plain().tls(server).start().await.unwrap())
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_trusted_where_ca_file_names_it_for_its_host_only() {
    let (folder, harbor) = self_signed_harbor(&["127.0.0.1"]).await;
    let config = with(harbor.config(), "ca_file", folder.path().join("own.pem").to_str());
    assert_lists_all(&list(config.clone()).await);
    let before = harbor.requests().len();
    let by_name = with(config, "url", harbor.url.replace("127.0.0.1", "localhost"));
    let images = list(by_name).await;
    assert_costs_all(&images, &["its certificate is for 127.0.0.1, and not for localhost", "harbor_config.url"]);
    assert_eq!(harbor.requests().len(), before);
}

#[tokio::test]
async fn another_certificate_of_the_same_name_that_is_its_own_authority_is_not_trusted() {
    let (_folder, harbor) = self_signed_harbor(&["127.0.0.1"]).await;
    let (another, _harbor) = self_signed_harbor(&["127.0.0.1"]).await;
    let images = list(with(harbor.config(), "ca_file", another.path().join("own.pem").to_str())).await;
    assert_is_not_trusted(&harbor, &images, &["its certificate is", "CN=on-premise", "harbor_config.ca_file"]);
    let images = list(harbor.config()).await;
    assert_is_not_trusted(&harbor, &images, &["signed by itself (CN=on-premise)", "a file with this certificate"]);
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_and_has_expired_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.pem");
    let harbor = plain().tls(expired_self_signed(&["127.0.0.1"], &path).unwrap()).start().await.unwrap();
    let images = list(with(harbor.config(), "ca_file", path.to_str())).await;
    assert_is_not_trusted(&harbor, &images, &["expired on 2001-01-01 00:00:00 UTC", "renew it"]);
}

#[tokio::test]
async fn keys_on_p_521_and_signatures_of_p_384_with_sha_512_are_known() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::on_p_521().unwrap());
    authority.write(&folder.path().join("ca.pem")).unwrap();
    let harbor = plain().tls(authority.server(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    assert_lists_all(&list(with_ca_file(&harbor, folder.path())).await);
    let files = fixture("p384-sha512");
    let server = server_of_files(&files.join("server.pem"), &files.join("server.key")).unwrap();
    let harbor = plain().tls(server).start().await.unwrap();
    assert_lists_all(&list(with_ca_file(&harbor, &files)).await);
}

#[tokio::test]
async fn a_ca_file_with_a_byte_order_mark_is_read() {
    let (folder, harbor) = harbor(&["127.0.0.1"]).await;
    let path = folder.path().join("ca.pem");
    let text = format!("\u{feff}{}", std::fs::read_to_string(&path).unwrap());
    std::fs::write(&path, text).unwrap();
    assert_lists_all(&list(with_ca_file(&harbor, folder.path())).await);
}

#[tokio::test]
async fn the_variables_of_openssl_python_and_curl_name_authorities() {
    let (folder, harbor) = harbor(&["127.0.0.1"]).await;
    let node = Node::builder().one_image().harbor(&harbor).build().unwrap();
    for variable in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        let program = node.launch().variable(variable, folder.path().join("ca.pem")).start().unwrap();
        assert_lists_all(&program.images().await.unwrap());
    }
    let program = node.launch().variable("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem").start().unwrap();
    program.await_log("REQUESTS_CA_BUNDLE /nonexistent/ca.pem can't be read").await.unwrap();
}

#[tokio::test]
async fn where_no_cipher_or_version_is_shared_the_error_names_what_the_server_offers() {
    let authority = Authority::new().unwrap();
    for (directives, offer) in [
        (
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;",
            "TLS 1.2 with TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA;",
        ),
        ("ssl_protocols TLSv1.1; ssl_ciphers ALL@SECLEVEL=0;", "it offers TLS 1.1 with TLS_"),
    ] {
        let Some(nginx) = Nginx::start_with_tls(&authority, directives).await.unwrap() else { return };
        let images = list(config_for(&format!("https://{}", nginx.address))).await;
        assert_costs_all(&images, &["no TLS connection", offer, "this program needs TLS 1.2 or 1.3"]);
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_of_its_clients_is_told_as_that() {
    let (folder, authority) = authority();
    let harbor = plain().tls(authority.server_for_known_clients(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    let images = list(with(with_ca_file(&harbor, folder.path()), "retries", 0)).await;
    assert_costs_all(&images, &["no TLS connection", "wants a certificate of its clients"]);
    assert_eq!(harbor.requests().len(), 0);
}

#[tokio::test]
async fn a_connection_that_ends_within_the_handshake_is_told_as_that() {
    let (folder, harbor) = harbor(&["127.0.0.1"]).await;
    let proxy = Proxy::before(&harbor.url.replace("https:", "http:")).await.unwrap();
    proxy.set(Direction::ToClient, NetworkFault::Truncate(0));
    let config = with(with_ca_file(&harbor, folder.path()), "url", proxy.url.replace("http:", "https:"));
    assert_costs_all(&list(with(config, "retries", 0)).await, &["no TLS connection", "ended it within the handshake"]);
}

#[tokio::test]
async fn https_where_harbor_speaks_plain_http_is_one_error_that_names_the_url() {
    let harbor = plain().start().await.unwrap();
    let images = list(config_for(&harbor.url.replace("http:", "https:"))).await;
    assert_costs_all(&images, &["GET https://", "most likely it speaks plain HTTP", "harbor_config.url with http://"]);
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
