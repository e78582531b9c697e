//! Harbor behind a real nginx: how requests reach Harbor, and how the program tells what nginx says itself.

use crate::listing::{assert_says, assert_whole, list, numbered, only_harbor_error, with};
use image_service_tests::harbor::config_for;
use image_service_tests::{Authority, Harbor, HarborBuilder, Nginx, Version};

fn harbor() -> HarborBuilder {
    Harbor::of(Version::V2_16).repository("a/app", 3).repository("b/app", 250).private("b")
}

#[tokio::test]
async fn a_harbor_behind_nginx_with_tls_http_2_and_gzip_is_listed_whole() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new().unwrap());
    let ca_file = folder.path().join("ca.pem");
    authority.write(&ca_file).unwrap();
    let harbor = harbor().start().await.unwrap();
    let gzip = "gzip on; gzip_types application/json; gzip_proxied any; gzip_min_length 0;";
    let server = format!("{gzip} location / {{ proxy_pass {}; }}", harbor.url);
    let Some(nginx) = Nginx::start_with_tls(&authority, &server).await.unwrap() else { return };
    let config = config_for(&format!("https://{}", nginx.address));
    let images = list(with(config, "ca_file", ca_file.to_str())).await;
    assert_whole(&images, &[numbered("a/app", 3), numbered("b/app", 250)].concat());
    assert_says(&nginx.log().unwrap(), &["HTTP/2.0 200 gzip /api/v2.0/projects"]);
    for request in harbor.requests() {
        let agent = concat!("image-service/", env!("CARGO_PKG_VERSION"));
        assert_eq!((request.header("user-agent"), request.header("accept-encoding")), (Some(agent), Some("gzip")));
    }
}

#[tokio::test]
async fn a_page_of_nginx_is_told_as_a_proxys_with_the_remedy() {
    let server = "location /401 { return 401; } location /403 { deny all; } location /413 { return 413; }
        location /502 { proxy_pass http://127.0.0.1:1; }";
    let Some(nginx) = Nginx::start(server).await.unwrap() else { return };
    for (status, remedy) in [
        (401, "(401 Authorization Required); it wants a login of its own"),
        (403, "(403 Forbidden); it refuses what Harbor never saw"),
        (413, "(413 Request Entity Too Large); Harbor never saw the request"),
        (404, "(404 Not Found); it knows no Harbor at this address"),
        (502, "(502 Bad Gateway); the proxy can't reach Harbor"),
    ] {
        let config = config_for(&format!("http://{}/{status}", nginx.address));
        let images = list(with(config, "retries", 0)).await;
        let answered = format!("a proxy before Harbor answered {status} with a page of HTML {remedy}");
        assert_says(only_harbor_error(&images), &["/api/v2.0/systeminfo", &answered]);
    }
}

#[tokio::test]
async fn a_redirect_from_http_to_https_names_the_address_to_write() {
    let to =
        |status: u16, port: &str| format!("location /{status} {{ return {status} https://$host{port}$request_uri; }}");
    let server = [to(301, ""), to(302, ":8443"), to(307, ":8443"), to(308, "")].join("\n");
    let Some(nginx) = Nginx::start(&server).await.unwrap() else { return };
    for (status, address) in [
        (301, "https://127.0.0.1/301"),
        (302, "https://127.0.0.1:8443/302"),
        (307, "https://127.0.0.1:8443/307"),
        (308, "https://127.0.0.1/308"),
    ] {
        let images = list(config_for(&format!("http://{}/{status}", nginx.address))).await;
        assert_says(only_harbor_error(&images), &[&format!("it speaks https; set harbor_config.url to {address:?}")]);
    }
}

#[tokio::test]
async fn plain_http_to_the_https_port_of_nginx_names_https() {
    let Some(nginx) = Nginx::start_with_tls(&Authority::new().unwrap(), "").await.unwrap() else { return };
    let images = list(config_for(&format!("http://{}", nginx.address))).await;
    assert_says(only_harbor_error(&images), &["answered 400", "begin the Harbor URL with https://"]);
}
